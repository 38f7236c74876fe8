import hashlib
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from envkit.errors import IndexUnreachableError, LockError
from envkit.lock import lock_request
from envkit.model.lock import Lock, LockedFile
from envkit.model.request import Mode, Request
from envkit.model.resolution import Base, Chosen, MatrixStamp, PackageIndex, Resolution, Status
from envkit.model.sources import PackageSources, Setting
from envkit.system.sources import read_sources

MakeWheel = Callable[..., Path]
Serve = Callable[[Path], Any]


def chosen(
    packages: dict[str, str] | None = None,
    *requirements: str,
    indexes: tuple[PackageIndex, ...] = (),
    python: str = "3.12",
) -> Resolution:
    return Resolution(
        status=Status.OK,
        request=Request(specs=(), as_of="2026-11-22"),
        matrix=MatrixStamp(revision="test", newest_source="2026-11-22"),
        chosen=Chosen(
            candidate="test",
            recipes=("test",),
            vendor="cpu",
            variant="cpu",
            mode=Mode.CONTAINER,
            python=python,
            packages=packages or {},
            requirements=requirements,
            indexes=indexes,
        ),
    )


@pytest.fixture
def lock(tmp_path: Path) -> Callable[..., Lock]:
    def run(
        resolution: Resolution,
        sources: PackageSources,
        *,
        libc: str | None = "2.36",
        log: Callable[[str], None] = lambda _: None,
    ) -> Lock:
        return lock_request(
            resolution,
            sources,
            cache_directory=tmp_path / "cache",
            libc=libc,
            cpu_architecture="x86_64",
            log=log,
        )

    return run


Locker = Callable[..., Lock]


def wheelhouse(*directories: Path) -> PackageSources:
    """Sources that never leave this machine."""
    return PackageSources(no_index=True, wheelhouses=tuple(setting(str(path)) for path in directories))


def setting(value: str) -> Setting:
    return Setting(value=value, origin="test")


def versions(lock: Lock) -> dict[str, str]:
    return {package.name: package.version for package in lock.packages}


def test_pins_and_what_they_need_are_locked_with_hashes_and_local_paths(
    tmp_path: Path, make_wheel: MakeWheel, lock: Locker
) -> None:
    wheels = tmp_path / "wheels, with comma"
    alpha = make_wheel(wheels, "alpha", "1.0+cpu", ("beta-x>=1",))
    beta = make_wheel(wheels, "beta-x", "1.5")
    make_wheel(wheels, "alpha", "2.0")
    locked = lock(chosen({"alpha": "1.0+cpu"}), wheelhouse(wheels))
    assert versions(locked) == {"alpha": "1.0+cpu", "beta-x": "1.5"}
    assert [package.file for package in locked.packages] == [
        LockedFile(filename=path.name, sha256=hashlib.sha256(path.read_bytes()).hexdigest(), path=str(path))
        for path in (alpha, beta)
    ]
    assert (locked.python, locked.platform) == ("3.12", "x86_64-manylinux_2_36")
    assert locked.sha256 == hashlib.sha256(locked.pylock.encode()).hexdigest()
    assert locked == lock(chosen({"alpha": "1.0+cpu"}), wheelhouse(wheels))


def test_what_the_base_image_brings_is_not_locked_whoever_needs_it(
    tmp_path: Path, make_wheel: MakeWheel, lock: Locker
) -> None:
    make_wheel(tmp_path / "wheels", "on-top", "3.0", ("framework>=2", "helper"))
    make_wheel(tmp_path / "wheels", "helper", "1.0", ("Framework",))
    resolution = chosen({"framework": "2.0"}, "on-top")
    assert resolution.chosen is not None
    base = Base(image="vendor:1", packages={"framework": "2.0"})
    brought = replace(resolution, chosen=replace(resolution.chosen, base=base))
    assert versions(lock(brought, wheelhouse(tmp_path / "wheels"))) == {"helper": "1.0", "on-top": "3.0"}
    alone = replace(brought, chosen=replace(brought.chosen, requirements=()))
    assert versions(lock(alone, wheelhouse(tmp_path / "wheels"))) == {}


def test_wheel_for_the_target_is_taken_not_for_the_running_python(
    tmp_path: Path, make_wheel: MakeWheel, lock: Locker
) -> None:
    for tag in ("cp312-cp312-manylinux_2_28_x86_64", "cp312-cp312-manylinux_2_34_x86_64"):
        make_wheel(tmp_path / "wheels", "alpha", "1.0", tag=tag)
    make_wheel(tmp_path / "wheels", "alpha", "1.0", tag="cp313-cp313-manylinux_2_17_x86_64")

    def taken(python: str, libc: str) -> str:
        locked = lock(chosen({"alpha": "1.0"}, python=python), wheelhouse(tmp_path / "wheels"), libc=libc)
        return locked.packages[0].file.filename

    assert taken("3.12", "2.36") == "alpha-1.0-cp312-cp312-manylinux_2_34_x86_64.whl"
    assert taken("3.12", "2.28") == "alpha-1.0-cp312-cp312-manylinux_2_28_x86_64.whl"
    assert taken("3.13", "2.41") == "alpha-1.0-cp313-cp313-manylinux_2_17_x86_64.whl"


def test_package_without_a_wheel_for_the_target_is_named(tmp_path: Path, make_wheel: MakeWheel, lock: Locker) -> None:
    make_wheel(tmp_path / "wheels", "alpha", "1.0", tag="cp312-cp312-manylinux_2_34_x86_64")
    with pytest.raises(LockError, match="cannot be locked together") as caught:
        lock(chosen({"alpha": "1.0"}), wheelhouse(tmp_path / "wheels"), libc="2.28")
    assert "alpha" in " ".join(caught.value.facts)
    assert "manylinux_2_34_x86_64" in " ".join(caught.value.facts)


def test_packages_that_exclude_each_other_are_explained_in_plain_text(
    tmp_path: Path, make_wheel: MakeWheel, lock: Locker
) -> None:
    make_wheel(tmp_path / "wheels", "alpha", "1.0", ("beta<2",))
    make_wheel(tmp_path / "wheels", "beta", "1.0")
    make_wheel(tmp_path / "wheels", "beta", "2.0")
    lines: list[str] = []
    with pytest.raises(LockError) as caught:
        lock(chosen({"alpha": "1.0", "beta": "2.0"}), wheelhouse(tmp_path / "wheels"), log=lines.append)
    explanation = "\n".join(caught.value.facts)
    assert "alpha depend on beta<2" in explanation
    assert "\x1b" not in explanation
    assert caught.value.rule == "package-conflict"
    assert lines[0].startswith("+ ")


def test_constraints_of_the_user_hold(tmp_path: Path, make_wheel: MakeWheel, lock: Locker) -> None:
    for version in ("1.0", "2.0"):
        make_wheel(tmp_path / "wheels", "alpha", version)
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("alpha<2\n")
    sources = PackageSources(
        no_index=True, wheelhouses=(setting(str(tmp_path / "wheels")),), constraints=(setting(str(constraints)),)
    )
    assert versions(lock(chosen({}, "alpha"), sources)) == {"alpha": "1.0"}


def test_named_index_serves_its_packages_and_no_others(tmp_path: Path, make_wheel: MakeWheel, lock: Locker) -> None:
    make_wheel(tmp_path / "special", "alpha", "1.0+special", ("gamma",))
    make_wheel(tmp_path / "special", "gamma", "9.0")
    make_wheel(tmp_path / "plain", "gamma", "1.0")
    index = PackageIndex(name="special", url=(tmp_path / "special").as_uri(), packages=("alpha", "beta"), flat=True)
    locked = lock(chosen({"alpha": "1.0+special"}, indexes=(index,)), wheelhouse(tmp_path / "plain"))
    assert versions(locked) == {"alpha": "1.0+special", "gamma": "1.0"}


def test_several_wheelhouses_serve_a_package_each(tmp_path: Path, make_wheel: MakeWheel, lock: Locker) -> None:
    make_wheel(tmp_path / "first", "alpha", "1.0")
    make_wheel(tmp_path / "second", "beta", "2.0")
    indexes = tuple(
        PackageIndex(name="wheelhouse", url=(tmp_path / folder).as_uri(), packages=(package,), flat=True)
        for folder, package in (("first", "alpha"), ("second", "beta"))
    )
    locked = lock(chosen({"alpha": "1.0", "beta": "2.0"}, indexes=indexes), wheelhouse())
    assert versions(locked) == {"alpha": "1.0", "beta": "2.0"}


@pytest.mark.parametrize("elsewhere", ["3.0", None])
def test_package_needed_by_another_comes_from_the_index_that_is_named_for_it(
    tmp_path: Path, make_wheel: MakeWheel, lock: Locker, elsewhere: str | None
) -> None:
    make_wheel(tmp_path / "special", "alpha", "1.0", ("beta-runtime",))
    genuine = make_wheel(tmp_path / "special", "beta-runtime", "1.0")
    make_wheel(tmp_path / "plain", "gamma", "1.0")
    if elsewhere is not None:
        make_wheel(tmp_path / "plain", "beta-runtime", elsewhere)
    index = PackageIndex(
        name="special", url=(tmp_path / "special").as_uri(), packages=("alpha", "beta-runtime", "unused"), flat=True
    )
    locked = lock(chosen({"alpha": "1.0"}, indexes=(index,)), wheelhouse(tmp_path / "plain"))
    assert versions(locked) == {"alpha": "1.0", "beta-runtime": "1.0"}
    assert locked.packages[1].file.path == str(genuine)


def test_extra_indexes_follow_the_rule_of_the_tool_that_they_were_set_for(
    tmp_path: Path, make_wheel: MakeWheel, serve_index: Serve, lock: Locker
) -> None:
    make_wheel(tmp_path / "main", "alpha", "2.0")
    make_wheel(tmp_path / "extra", "alpha", "1.0")
    index, extra = (setting(serve_index(tmp_path / name).url) for name in ("main", "extra"))
    first = PackageSources(index=index, extra_indexes=(extra,))
    best = PackageSources(index=index, extra_indexes=(extra,), best_match=True)
    assert versions(lock(chosen({}, "alpha"), first)) == {"alpha": "1.0"}
    assert versions(lock(chosen({}, "alpha"), best)) == {"alpha": "2.0"}


def test_index_with_credentials_works_and_the_lock_does_not_hold_them(
    tmp_path: Path, make_wheel: MakeWheel, serve_index: Serve, lock: Locker
) -> None:
    make_wheel(tmp_path / "wheels", "alpha", "1.0")
    server = serve_index(tmp_path / "wheels")
    server.credentials = ("me", "s3cret")
    full = setting(f"http://me:s3cret@{server.host}/simple")
    lines: list[str] = []
    locked = lock(chosen({"alpha": "1.0"}), PackageSources(index=full), log=lines.append)
    assert locked.packages[0].file.url == f"http://{server.host}/files/alpha-1.0-py3-none-any.whl"
    assert "s3cret" not in locked.pylock + "".join(lines)
    index = PackageIndex(name="private", url=server.url, packages=("alpha",))
    named = PackageSources(no_index=True, named_indexes={"private": full})
    assert versions(lock(chosen({"alpha": "1.0"}, indexes=(index,)), named)) == {"alpha": "1.0"}
    with pytest.raises(IndexUnreachableError, match="401 Unauthorized") as caught:
        lock(chosen({"alpha": "1.0"}), PackageSources(index=setting(server.url)))
    assert caught.value.rule == "index-availability"


def test_index_that_refuses_connections_is_named_within_seconds(lock: Locker) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://me:s3cret@127.0.0.1:{closed.getsockname()[1]}/simple"
    started = time.monotonic()
    with pytest.raises(IndexUnreachableError, match="Connection refused") as caught:
        lock(chosen({"alpha": "1.0"}), PackageSources(index=setting(url)))
    assert time.monotonic() - started < 10
    assert caught.value.url == f"{url.replace('me:s3cret@', '')}/alpha/"
    assert "s3cret" not in str(caught.value)


def test_broken_index_is_a_network_failure(tmp_path: Path, serve_index: Serve, lock: Locker) -> None:
    server = serve_index(tmp_path)
    server.status = 503
    with pytest.raises(IndexUnreachableError, match="503 Service Unavailable"):
        lock(chosen({"alpha": "1.0"}), PackageSources(index=setting(server.url)))
    assert len(server.seen) == 2, "a second try, and no third"


def test_page_that_is_no_index_has_no_versions(tmp_path: Path, serve_index: Serve, lock: Locker) -> None:
    server = serve_index(tmp_path)
    server.page = "<html><body>Please log in</body></html>"
    with pytest.raises(LockError) as caught:
        lock(chosen({"alpha": "1.0"}), PackageSources(index=setting(server.url)))
    assert "alpha" in " ".join(caught.value.facts)


def test_silent_index_costs_no_more_than_the_configured_time(lock: Locker) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        index = setting(f"http://127.0.0.1:{silent.getsockname()[1]}/simple")
        started = time.monotonic()
        with pytest.raises(IndexUnreachableError, match="timed out"):
            lock(chosen({"alpha": "1.0"}), PackageSources(index=index, timeout_seconds=1.0))
    assert time.monotonic() - started < 5


def test_offline_takes_wheelhouses_and_says_what_is_missing(
    tmp_path: Path, make_wheel: MakeWheel, serve_index: Serve, lock: Locker
) -> None:
    make_wheel(tmp_path / "wheels", "alpha", "1.0")
    make_wheel(tmp_path / "served", "beta", "1.0")
    server = serve_index(tmp_path / "served")
    sources = PackageSources(index=setting(server.url), wheelhouses=(setting(str(tmp_path / "wheels")),), offline=True)
    assert versions(lock(chosen({"alpha": "1.0"}), sources)) == {"alpha": "1.0"}
    with pytest.raises(IndexUnreachableError, match="offline was asked for") as caught:
        lock(chosen({"beta": "1.0"}), sources)
    assert "beta" in " ".join(caught.value.facts)
    assert server.seen == []


def test_settings_of_uv_in_the_environment_do_not_reach_it_twice(
    tmp_path: Path, make_wheel: MakeWheel, lock: Locker, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_wheel(tmp_path / "wheels", "alpha", "1.0")
    make_wheel(tmp_path / "other", "alpha", "2.0")
    monkeypatch.setenv("UV_FIND_LINKS", str(tmp_path / "other"))
    monkeypatch.setenv("UV_OVERRIDE", "/no/such/file")
    assert versions(lock(chosen({}, "alpha"), wheelhouse(tmp_path / "wheels"))) == {"alpha": "1.0"}


def test_resolution_without_a_choice_cannot_be_locked(lock: Locker) -> None:
    nothing = Resolution(
        status=Status.UNSATISFIABLE,
        request=Request(specs=(), as_of="2026-11-22"),
        matrix=MatrixStamp(revision="test", newest_source="2026-11-22"),
    )
    with pytest.raises(ValueError, match="nothing was chosen"):
        lock(nothing, PackageSources())


@pytest.mark.network
def test_package_of_the_main_index_is_locked(lock: Locker) -> None:
    sources = read_sources(os.environ, home=os.environ["HOME"])
    locked = lock(chosen({"packaging": "25.0"}), sources)
    assert versions(locked) == {"packaging": "25.0"}
    assert len(locked.packages[0].file.sha256) == 64


def test_what_is_held_back_for_a_device_is_held_back_in_the_lock(
    tmp_path: Path, make_wheel: MakeWheel, lock: Locker
) -> None:
    wheels = tmp_path / "wheels"
    make_wheel(wheels, "alpha", "1.0", ("nn>=9,<10",))
    make_wheel(wheels, "nn", "9.10.2")
    make_wheel(wheels, "nn", "9.28.0")
    free = chosen({"alpha": "1.0"})
    assert free.chosen is not None
    held = replace(free, chosen=replace(free.chosen, constraints=("nn<9.11",)))
    assert versions(lock(free, wheelhouse(wheels)))["nn"] == "9.28.0"
    assert versions(lock(held, wheelhouse(wheels)))["nn"] == "9.10.2"
    with pytest.raises(LockError):
        lock(replace(free, chosen=replace(free.chosen, constraints=("nn<9",))), wheelhouse(wheels))
