"""`envkit doctor` on this machine, with and without an engine, and on facts from a file."""

import os
import socketserver
import tempfile
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Thread

import pytest

import envkit

# How much space the machine of a test run has is no matter of envkit's.
OF_THE_MACHINE = {
    "disk-low",
    "shared-memory-small",
    "container-memory-small",
    "cpu-without-avx2",
    "clock-behind",
    "data-old",
}
STATUS = {"ok": 0, "note": 0, "warning": 10, "error": 4}


def findings(diagnosis: dict) -> dict[str, str]:
    return {row["id"]: row["severity"] for row in diagnosis.get("findings", []) if row["id"] not in OF_THE_MACHINE}


@pytest.fixture
def engineless(tmp_path: Path) -> dict[str, str]:
    """A search path on which there is no engine."""
    if Path("/var/run/docker.sock").exists():
        pytest.skip("an engine listens at the usual place")
    (tmp_path / "bin").mkdir()
    return {"PATH": str(tmp_path / "bin"), "DOCKER_HOST": ""}


def test_without_an_engine_the_machine_is_healthy_with_a_note(home, engineless: dict[str, str]) -> None:
    ended = home.run("doctor", "--json", **engineless)
    assert (ended.json["format"], findings(ended.json)) == ("envkit-diagnosis/1", {"engine-missing": "note"})
    assert ended.status == STATUS[ended.json["verdict"]]


def test_a_daemon_that_is_down_is_a_warning(home, engineless: dict[str, str]) -> None:
    docker = Path(engineless["PATH"]) / "docker"
    docker.touch(mode=0o755)
    ended = home.run("doctor", "--json", PATH=engineless["PATH"])
    assert findings(ended.json) == {"engine-daemon-down": "warning"}
    assert ended.status in (10, 4)


@pytest.fixture
def closed_engine() -> Iterator[str]:
    """A socket at which something answers that this user is not let in, as a proxy before a daemon does."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(403)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

        def address_string(self) -> str:
            return "local"

    # A socket's path has at most 107 characters, which a test's own folder may exceed.
    with tempfile.TemporaryDirectory(prefix="envkit-") as folder:
        path = f"{folder}/docker.sock"
        server = socketserver.ThreadingUnixStreamServer(path, Handler)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"unix://{path}"
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_server_that_refuses_is_shown_with_its_answer(home, closed_engine: str) -> None:
    ended = home.run("doctor", DOCKER_HOST=closed_engine)
    assert "[warn] engine" in ended.stdout
    assert "HTTP status 403" in " ".join(ended.stdout.split())
    assert "  try: " in ended.stdout


def test_the_output_is_a_line_per_group_and_fits_a_terminal(home, engineless: dict[str, str]) -> None:
    ended = home.run("doctor", **engineless)
    lines = ended.stdout.splitlines()
    groups = [line.split("]")[1].split()[0] for line in lines if line.startswith("[")]
    assert groups == sorted(groups)
    assert {"accelerators", "clock", "disk", "engine", "memory", "proxy", "system"} <= set(groups)
    assert max(len(line) for line in lines) <= 100
    assert "note[engine-missing] engines:" in ended.stdout
    # The last line has the gravest, which on a machine with little room is another one.
    assert f"[{lines[-1].rpartition('more with: envkit explain ')[2]}] " in ended.stdout


def test_verbose_shows_every_check_and_where_it_looked(home, engineless: dict[str, str]) -> None:
    ended = home.run("doctor", "-v", **engineless)
    assert "shared-memory: " in ended.stdout
    assert "(/proc/mounts)" in ended.stdout


def test_facts_of_a_file_are_diagnosed_and_the_rest_is_unknown(home) -> None:
    (home.project / "host.yaml").write_text(
        "format: envkit-host/1\nos: {system: linux, id: centos, version: '7', libc: {family: glibc, version: '2.17'}}\n"
        "devices: [{vendor: nvidia, index: 0, pci_id: '10de:2330', usable: false}]\n"
        "findings: [{id: driver-missing, severity: error, fact: 'devices[0]', evidence: e, cause: c, remedy: [r]}]\n",
        encoding="utf-8",
    )
    ended = home.run("doctor", "--host", "host.yaml", "--json")
    assert ended.status == 4
    assert findings(ended.json) == {"driver-missing": "error", "glibc-too-old": "warning"}
    verdicts = {check["id"]: check["verdict"] for check in ended.json["checks"]}
    assert verdicts["devices"] == "error"
    assert {verdicts[name] for name in ("date", "shared-memory", "locked-memory", "images", "engines")} == {"unknown"}


def test_a_proxy_of_this_user_is_checked(home, engineless: dict[str, str]) -> None:
    proxy = "http://ada:secret@proxy.example.com:port"
    ended = home.run("doctor", HTTPS_PROXY=proxy, **engineless)
    assert ended.status in (10, 4)
    assert "proxy-malformed" in ended.stdout
    assert "secret" not in ended.stdout
    assert (
        home.run(
            "doctor", HTTPS_PROXY="http://proxy.example.com:3128", NO_PROXY="localhost", **engineless
        ).stdout.count("proxy-")
        == 0
    )


@pytest.mark.alone
@pytest.mark.engine
def test_with_an_engine_the_machine_is_healthy_in_time(home) -> None:
    if not os.environ.get("DOCKER_HOST"):
        pytest.skip("no engine: DOCKER_HOST is not set (see .ci/engine)")
    environment = {"DOCKER_HOST": os.environ["DOCKER_HOST"], "PATH": os.environ["PATH"]}
    started = time.perf_counter()
    ended = home.run("doctor", "--json", **environment)
    assert time.perf_counter() - started < 2
    assert {name: row for name, row in findings(ended.json).items() if row != "note"} == {}
    assert ended.status == STATUS[ended.json["verdict"]]
    verdicts = {check["id"]: check["verdict"] for check in ended.json["checks"]}
    assert verdicts["engines"] == "ok"
    assert verdicts["rootless"] != "unknown"


@pytest.mark.alone
def test_the_doctor_takes_less_than_two_seconds(home, engineless: dict[str, str]) -> None:
    home.run("doctor", **engineless)  # compiles the data files of a new home
    started = time.perf_counter()
    home.run("doctor", **engineless)
    assert time.perf_counter() - started < 2


def test_a_finding_is_explained(home) -> None:
    page = home.run("explain", "Toolkit-Missing", "--json").json
    assert (page["code"], page["severity"], "status" in page) == ("toolkit-missing", "warning", False)
    assert "nvidia-container-toolkit" in " ".join(page["steps"]["nvidia, zypper"])
    text = home.run("explain", "toolkit-missing").stdout
    assert text == page["text"]
    assert page["title"] in text
    assert f"source: {page['source']}" in text
    assert "\nnvidia, any system:\n" in text


def test_a_finding_whose_id_was_mistyped_is_guessed(home) -> None:
    ended = home.run("explain", "engine-mising")
    assert (ended.status, "envkit explain engine-missing" in ended.stderr) == (2, True)


def test_the_page_of_all_findings_is_generated() -> None:
    page = Path(envkit.__file__).parents[1] / "docs" / "reference" / "findings.md"
    text = page.read_text(encoding="utf-8")
    assert "\n### engine-missing\n" in text
    assert "\n### disk-low\n" in text
