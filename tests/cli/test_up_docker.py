"""`envkit up` and what belongs to it, on a real Docker Engine, with images of tiny wheels."""

import os
import signal
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine_ready")]


@pytest.fixture
def site(tiny) -> Iterator:
    """A home that reaches the engine; whatever a test leaves there is removed."""
    tiny.use_engine()
    tiny.name = f"test-{uuid.uuid4().hex[:8]}"
    yield tiny
    if tiny.name in {environment["name"] for environment in listed(tiny)}:
        tiny.run("rm", tiny.name, "-y")


def up(site, *further: str, name: str | None = None) -> tuple[str, ...]:
    given = ("--engine", "docker", "--offline", "--wheelhouse", "wheels", "--name", name or site.name)
    return ("up", "tinyframe", *given, *further)


def listed(site) -> list[dict[str, str]]:
    return [found for found in site.run("ls", "--json").json["environments"] if found["name"].startswith("test-")]


def test_up_ends_with_a_proven_container_without_rights(site) -> None:
    ended = site.run(*up(site, "--json"))
    assert ended.status == 0, ended.stderr
    assert "expected 42, got 42" in ended.stderr
    assert ended.json["report"]["user"] != 0
    assert ended.json["environment"]["packages"] == {"tinyframe": "1.0"}
    status = site.run("exec", site.name, "--", "cat", "/proc/1/status").stdout
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert (fields["CapEff"], fields["CapBnd"], fields["NoNewPrivs"]) == ("0" * 16, "0" * 16, "1")
    assert "0" not in fields["Uid"].split()


@pytest.mark.alone
def test_the_same_up_again_changes_nothing_and_is_quick(site) -> None:
    first = site.run(*up(site, "--json"))
    started = time.monotonic()
    again = site.run(*up(site, "--json"))
    assert time.monotonic() - started < 2
    assert again.json["unchanged"] is True
    assert again.json["environment"]["reference"] == first.json["environment"]["reference"]


def test_down_and_up_again_start_the_same_container(site) -> None:
    first = site.run(*up(site, "--json")).json["environment"]["reference"]
    assert site.run("down", site.name).status == 0
    assert [environment["state"] for environment in listed(site) if environment["name"] == site.name] == ["stopped"]
    assert site.run(*up(site, "--json")).json["environment"]["reference"] == first
    site.run("down", site.name)
    assert site.run("exec", site.name, "--", "python", "-c", "print(7)").stdout == "7\n"


def test_the_state_directory_can_be_lost(site) -> None:
    site.run(*up(site))
    elsewhere = {"XDG_DATA_HOME": str(site.root / "new-data"), "XDG_STATE_HOME": str(site.root / "new-state")}
    assert site.run("exec", site.name, "--", "python", "-c", "print(7)", **elsewhere).stdout == "7\n"
    assert site.run(*up(site), **elsewhere).status == 0


def test_a_wrong_result_leaves_the_good_container_in_place(site) -> None:
    site.run(*up(site))
    site.recipe.write_text(site.recipe.read_text(encoding="utf-8").replace('"42"', '"43"'), encoding="utf-8")
    failed = site.run(*up(site))
    assert (failed.status, "error[EK0701]" in failed.stderr) == (7, True)
    assert site.run("exec", site.name, "--", "python", "-c", "print(7)").stdout == "7\n"
    assert len([environment for environment in listed(site) if environment["name"] == site.name]) == 1


def test_a_name_keeps_its_engine(site) -> None:
    site.run(*up(site))
    taken = site.run("up", "tinyframe", "--native", "--offline", "--wheelhouse", "wheels", "--name", site.name)
    assert (taken.status, "error[EK0205]" in taken.stderr) == (2, True)
    kept = site.run("up", "tinyframe", "--offline", "--wheelhouse", "wheels", "--name", site.name, "--json")
    assert kept.json["environment"]["engine"] == "docker"


def test_a_mounted_directory_is_seen(site) -> None:
    (site.project / "data").mkdir()
    (site.project / "data" / "word").write_text("seen", encoding="utf-8")
    (site.project / "data" / "word").chmod(0o644)
    for directory in (site.root.parent, site.root, site.project, site.project / "data"):
        directory.chmod(0o755)
    ended = site.run(*up(site, "--mount", "data:/data:ro", "--", "cat", "/data/word"))
    assert (ended.status, ended.stdout) == (0, "seen")


def from_the_future(wheel: Path) -> None:
    """Give a wheel a format version that a resolver does not look at and an installer refuses."""
    with zipfile.ZipFile(wheel) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content.replace(b"Wheel-Version: 1.0", b"Wheel-Version: 9.0"))


def test_a_failed_build_shows_the_failing_step_and_the_log(site) -> None:
    from_the_future(next((site.project / "wheels").glob("tinydep-*.whl")))
    failed = site.run(*up(site))
    assert failed.status == 5, failed.stderr
    assert "error[EK0501]" in failed.stderr
    assert "Wheel-Version (9.0)" in failed.stderr
    log = next((site.state / "envkit" / "log").glob("*-up-*.log"))
    assert str(log) in failed.stderr
    assert "Wheel-Version (9.0)" in log.read_text(encoding="utf-8")
    assert [environment for environment in listed(site) if environment["name"] == site.name] == []


def test_an_interrupt_during_the_build_is_clean_and_the_next_run_succeeds(
    site, make_wheel: Callable[..., object]
) -> None:
    make_wheel(site.project / "wheels", "padding", "1.0", body=f"PAD = {os.urandom(8_000_000).hex()!r}\n")
    process = site.start(*up(site, "--with", "padding"))
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if "install_wheels.py" in line:  # the step that fetches and installs
            break
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=60)[1]
    assert process.returncode == 130, "".join(lines) + rest
    assert "Traceback" not in rest
    assert [environment for environment in listed(site) if environment["name"] == site.name] == []
    assert site.run(*up(site, "--with", "padding")).status == 0
