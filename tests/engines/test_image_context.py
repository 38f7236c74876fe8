import os
import stat
from pathlib import Path

import pytest

from envkit.engines.image_context import staged_context
from envkit.errors import BuildError, StorageError
from envkit.model.artifact import GeneratedFile
from envkit.model.lock import Lock, LockedFile, LockedPackage
from envkit.model.plan import Plan
from envkit.model.request import Mode

FILES = (GeneratedFile(path="Dockerfile", text="FROM x:1\n"), GeneratedFile(path="run", text="", executable=True))


def plan(*wheels: Path, filename: str | None = None) -> Plan:
    packages = tuple(
        LockedPackage(
            name=wheel.stem,
            version="1",
            file=LockedFile(filename=filename or wheel.name, sha256="a" * 64, path=str(wheel)),
        )
        for wheel in wheels
    )
    remote = LockedPackage(name="r", version="1", file=LockedFile(filename="r.whl", sha256="a" * 64, url="https://x/r"))
    lock = Lock(python="3.11", platform="any", packages=(*packages, remote), pylock="", sha256="")
    return Plan(
        name="demo",
        mode=Mode.CONTAINER,
        vendor="cpu",
        variant="cpu",
        python="3.11",
        packages={},
        lock=lock,
        smoke=(),
        fingerprint="f",
    )


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    path = tmp_path / "a.whl"
    path.write_text("wheel")
    return path


def test_exactly_the_locked_local_wheels_are_staged_without_copying(tmp_path: Path, wheel: Path) -> None:
    (tmp_path / "other.whl").write_text("not locked")
    with staged_context(plan(wheel), FILES, tmp_path / "stage") as staged:
        (placed,) = staged.wheelhouse.iterdir()
        assert (placed.name, placed.stat().st_ino) == ("a.whl", wheel.stat().st_ino)


def test_symbolic_link_in_a_wheelhouse_is_followed(tmp_path: Path, wheel: Path) -> None:
    link = tmp_path / "link.whl"
    link.symlink_to(wheel)
    with staged_context(plan(link), FILES, tmp_path / "stage") as staged:
        assert not (staged.wheelhouse / "link.whl").is_symlink()
        assert (staged.wheelhouse / "link.whl").read_text() == "wheel"


def test_wheel_of_another_filesystem_is_copied(tmp_path: Path, wheel: Path) -> None:
    elsewhere = Path("/dev/shm")  # noqa: S108 - a filesystem of its own wherever it is
    if not os.access(elsewhere, os.W_OK) or elsewhere.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second filesystem to write to")
    directory = elsewhere / f"envkit-test-{os.getpid()}"
    with staged_context(plan(wheel), FILES, directory) as staged:
        assert (staged.wheelhouse / "a.whl").read_text() == "wheel"
    assert not directory.exists()


def test_files_have_modes_that_do_not_follow_from_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        with staged_context(plan(), FILES, tmp_path / "stage") as staged:
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in staged.files.iterdir()}
    finally:
        os.umask(old)
    assert modes == {"Dockerfile": 0o644, "run": 0o755}


def test_nobody_else_can_look_into_the_stage(tmp_path: Path) -> None:
    with staged_context(plan(), FILES, tmp_path / "stage") as staged:
        assert stat.S_IMODE(staged.secrets.stat().st_mode) == 0o700


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_stage_is_removed_however_the_build_ends(tmp_path: Path, failure: type[BaseException]) -> None:
    with pytest.raises(failure), staged_context(plan(), FILES, tmp_path / "stage"):
        raise failure
    assert not (tmp_path / "stage").exists()


def test_leftover_of_a_killed_build_does_not_reach_the_next(tmp_path: Path) -> None:
    leftover = tmp_path / "stage" / "wheelhouse" / "old.whl"
    leftover.parent.mkdir(parents=True)
    leftover.write_text("")
    with staged_context(plan(), FILES, tmp_path / "stage") as staged:
        assert list(staged.wheelhouse.iterdir()) == []


def test_wheel_that_is_gone_is_named(tmp_path: Path) -> None:
    with (
        pytest.raises(BuildError, match=r"gone\.whl"),
        staged_context(plan(tmp_path / "gone.whl"), (), tmp_path / "stage"),
    ):
        pass
    assert not (tmp_path / "stage").exists()


@pytest.mark.parametrize("path", ["../evil", "/etc/evil", "a/b", ".."])
def test_name_that_leads_out_of_the_stage_is_refused(tmp_path: Path, wheel: Path, path: str) -> None:
    with pytest.raises(BuildError), staged_context(plan(), (GeneratedFile(path=path, text=""),), tmp_path / "stage"):
        pass
    with pytest.raises(BuildError), staged_context(plan(wheel, filename=path), (), tmp_path / "stage"):
        pass


def test_full_disk_is_reported_with_the_place(full_disk: Path, tmp_path: Path) -> None:
    wheel = tmp_path / "big.whl"
    wheel.write_bytes(bytes(4 * 1024 * 1024))
    with (
        pytest.raises(StorageError, match="no space left on device"),
        staged_context(plan(wheel), FILES, full_disk / "stage"),
    ):
        pass
    assert list(full_disk.iterdir()) == []
