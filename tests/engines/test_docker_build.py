"""Images, built by a real engine."""

import os
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from envkit.engines.backends.docker import choose
from envkit.engines.labels import ARTIFACTS
from envkit.engines.protocol import BuildContext, Progress, ignore
from envkit.errors import BuildError, EngineNotReadyError
from envkit.generate import generate_artifacts
from envkit.model.resolution import Base
from envkit.model.sources import PackageSources, Setting

if TYPE_CHECKING:
    from conftest import DockerSite

pytestmark = pytest.mark.engine
MakeWheel = Callable[..., Path]
HOSTILE = [
    "a\nFROM evil:1\nRUN id",
    "$(id)",
    "${PATH}",
    "`id`",
    "a\"b'c",
    "a\\",
    "<<EOF",
    "# x",
    "a=b,c=d",
    "\u202e",
    "x" * 4000,
]


def docker(*arguments: str) -> str:
    client = which("docker")
    assert client is not None
    return subprocess.run([client, *arguments], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def wheel(make_wheel: MakeWheel, tmp_path: Path) -> Path:
    return make_wheel(tmp_path / "wheels", "tiny-demo", "1.0")


def test_wheel_of_this_machine_is_installed_and_its_bytecode_kept(docker_site: "DockerSite", wheel: Path) -> None:
    plan = docker_site.plan(wheel)
    environment = docker_site.start(plan)
    program = "import tiny_demo, os; print(tiny_demo.__version__, os.path.exists(tiny_demo.__cached__))"
    assert docker_site.python(environment, program) == "1.0 True\n"
    assert docker_site.python(environment, "print(open('/opt/envkit/requirements.lock').read())").startswith(
        "tiny-demo==1.0 --hash"
    )


def test_same_plan_finds_the_image_that_was_built_before(docker_site: "DockerSite", wheel: Path) -> None:
    plan = docker_site.plan(wheel)
    first, second = docker_site.build(plan), docker_site.build(plan)
    assert (first.reused, second.reused) == (False, True)
    assert first.reference == second.reference


@pytest.fixture
def new_wheel(make_wheel: MakeWheel, tmp_path: Path) -> Path:
    """A wheel that no build has seen, so that nothing comes from the builder's cache."""
    return make_wheel(tmp_path / "wheels", "tiny-demo", "1.0", body=f"unique = {uuid.uuid4().hex!r}\n")


def test_two_builds_from_nothing_give_the_same_image_bit_for_bit(docker_site: "DockerSite", wheel: Path) -> None:
    if not choose(None, ignore).capabilities.containerd_store:
        pytest.skip("this engine's image ids do not cover the layers as they are kept")
    plan = docker_site.plan(wheel)
    assert docker_site.build(plan, fresh=True).reference == docker_site.build(plan, fresh=True).reference


def test_image_is_the_same_whatever_network_it_was_built_from(
    docker_site: "DockerSite", new_wheel: Path, serve_index: Callable[[Path], Any]
) -> None:
    local = docker_site.build(docker_site.plan(new_wheel, name=docker_site.new_name()))
    index = serve_index(new_wheel.parent)
    docker_site.sources = PackageSources(index=Setting(value=index.url, origin="test"))
    fetched = docker_site.build(
        docker_site.plan(new_wheel, urls={new_wheel.name: f"http://{index.host}/files/{new_wheel.name}"})
    )
    labels = [docker_site.client.image(built.reference) for built in (local, fetched)]
    assert f"/files/{new_wheel.name}" in index.seen
    assert labels[0] is not None
    assert labels[1] is not None
    assert labels[0].labels[ARTIFACTS] == labels[1].labels[ARTIFACTS]
    if choose(None, ignore).capabilities.containerd_store:
        assert local.reference == fetched.reference


def test_credentials_and_certificate_serve_the_build_and_leave_no_trace(
    docker_site: "DockerSite", new_wheel: Path, serve_index: Callable[[Path], Any], tmp_path: Path
) -> None:
    certificate, key = tmp_path / "ca,1.pem", tmp_path / "key.pem"
    make_certificate = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca-of-the-test"
    places = ("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate))
    subprocess.run([*make_certificate.split(), *places], check=True, capture_output=True)
    index = serve_index(new_wheel.parent)
    index.credentials = ("someone", "hunter2hunter2")
    index.use_tls(certificate, key)
    url = f"https://someone:hunter2hunter2@{index.host}/simple"
    docker_site.sources = PackageSources(
        index=Setting(value=url, origin="test"), certificate=Setting(value=str(certificate), origin="test")
    )
    plan = docker_site.plan(new_wheel, urls={new_wheel.name: "https://somewhere"})
    environment = docker_site.start(plan)
    assert f"/files/{new_wheel.name}" in index.seen
    search = """
import os
words = [b"hunter2" * 2, b"ca-of-the-test", b"%s"]
for top in ("/opt", "/etc", "/root", "/home", "/run", "/build", "/workspace"):
    for directory, _, names in os.walk(top):
        for name in names:
            try:
                text = open(os.path.join(directory, name), "rb").read()
            except OSError:
                continue
            print(*[(name, word) for word in words if word in text], sep="", end="")
"""
    assert docker_site.python(environment, search.replace("%s", index.host)) == ""
    history = docker("history", "--no-trunc", str(environment.image))
    assert "hunter2" not in history
    assert index.host not in history
    assert "hunter2" not in docker_site.log.read_text()


def test_failing_step_is_named_with_its_last_lines_and_nothing_is_left(
    docker_site: "DockerSite", make_wheel: MakeWheel, tmp_path: Path
) -> None:
    wheel = make_wheel(tmp_path / "wheels", "tiny-demo", "1.0")
    plan = docker_site.plan(wheel)
    make_wheel(tmp_path / "wheels", "tiny-demo", "1.0", body="changed = True\n")
    with pytest.raises(BuildError, match=r"building the image failed in step: .*install") as failure:
        docker_site.build(plan)
    assert any("DO NOT MATCH THE HASHES" in line for line in failure.value.facts)
    assert len(failure.value.facts) <= 30
    assert failure.value.hints == (f"less {docker_site.log}",)
    assert "DO NOT MATCH THE HASHES" in docker_site.log.read_text()
    assert docker_site.images(plan.name) == ()
    assert not list((tmp_path / "XDG_CACHE_HOME").rglob("*.whl"))


def test_interrupted_build_leaves_nothing_and_the_next_one_succeeds(docker_site: "DockerSite", wheel: Path) -> None:
    plan = docker_site.plan(wheel)

    def interrupt(progress: Progress) -> None:
        if "install" in progress.text:
            raise KeyboardInterrupt

    artifacts = generate_artifacts(plan, "dockerfile")
    context = BuildContext(
        sources=docker_site.sources, log=str(docker_site.log), artifacts=artifacts, fresh=True, progress=interrupt
    )
    with pytest.raises(KeyboardInterrupt):
        docker_site.engine.build(plan, context)
    assert docker_site.images(plan.name) == ()
    assert not list(docker_site.directory.rglob("*/context"))
    assert not docker_site.build(plan).reused


def test_labels_reach_the_image_as_they_are(docker_site: "DockerSite", wheel: Path) -> None:
    plan = docker_site.plan(wheel)
    hostile = {f"org.example.{number}": text for number, text in enumerate(HOSTILE)}
    built = docker_site.build(msgspec.structs.replace(plan, labels={**plan.labels, **hostile}))
    image = docker_site.client.image(built.reference)
    assert image is not None
    assert {key: value for key, value in image.labels.items() if key in hostile} == hostile


def test_label_of_the_environment_does_not_make_another_image(docker_site: "DockerSite", wheel: Path) -> None:
    plan = docker_site.plan(wheel)
    other = msgspec.structs.replace(plan, labels={**plan.labels, "dev.envkit.fingerprint": "f2"})
    assert docker_site.build(plan).reference == docker_site.build(other).reference


def test_progress_names_the_steps_and_the_log_has_every_line(docker_site: "DockerSite", wheel: Path) -> None:
    docker_site.build(docker_site.plan(wheel), fresh=True)
    assert any("venv" in progress.text and progress.finished for progress in docker_site.progress)
    log = docker_site.log.read_text()
    assert "Successfully installed tiny-demo-1.0" in log
    assert log.startswith("+ ")


def test_base_image_that_only_this_engine_has_is_used_by_its_tag(docker_site: "DockerSite", wheel: Path) -> None:
    local = "envkit-test-local:1"
    docker("tag", docker_site.base.image, local)
    try:
        state = docker_site.engine.find_base(local)
        assert (state.available, state.digest) == (True, None)
        plan = docker_site.plan(wheel, base=Base(image=local, os="debian-12"))
        assert docker_site.python(docker_site.start(plan), "import tiny_demo; print(tiny_demo.__version__)") == "1.0\n"
    finally:
        docker("rmi", local)


def test_base_image_is_found_by_digest_and_a_missing_tag_is_told(docker_site: "DockerSite") -> None:
    missing = docker_site.engine.find_base("python:0.0-none")
    assert (missing.available, missing.digest) == (False, None)
    assert missing.reason
    if docker_site.base.digest is not None:
        assert docker_site.base.digest.startswith("sha256:")


def test_larger_certificate_bundle_than_the_builder_takes_is_refused(
    docker_site: "DockerSite", wheel: Path, tmp_path: Path
) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_bytes(bytes(500 * 1024 + 1))
    docker_site.sources = PackageSources(certificate=Setting(value=str(bundle), origin="SSL_CERT_FILE"))
    with pytest.raises(BuildError, match=r"larger than .* ca\.pem|larger than"):
        docker_site.build(docker_site.plan(wheel))


def test_client_without_buildx_is_passed_over(
    docker_site: "DockerSite", wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = tmp_path / "bin" / "docker"
    plain.parent.mkdir()
    plain.write_text("#!/bin/sh\necho \"docker: 'buildx' is not a docker command\" >&2\nexit 1\n")
    plain.chmod(0o755)
    monkeypatch.setenv("PATH", f"{plain.parent}{os.pathsep}{os.environ['PATH']}")
    assert not docker_site.build(docker_site.plan(wheel)).reused
    monkeypatch.setenv("PATH", str(plain.parent))
    notes: list[str] = []
    assert choose(None, notes.append).name == "legacy"
    assert f"{plain}: docker: 'buildx' is not a docker command" in notes[0]
    with pytest.raises(EngineNotReadyError, match="buildx"):
        choose("default", notes.append)
