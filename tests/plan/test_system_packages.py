from envkit.data import load_matrix
from envkit.model.package_manager import PackageManager
from envkit.model.plan import SystemPackage
from envkit.model.resolution import Base
from envkit.plan.system_packages import needed_packages


def manager() -> PackageManager:
    found = load_matrix(()).package_manager("apt")
    assert found is not None
    return found


def names(base: Base | None, *asked: SystemPackage) -> list[str]:
    return [package.name for package in needed_packages(base, manager(), asked)]


def test_python_that_the_image_lacks_is_added_to_what_was_asked_for() -> None:
    base = Base(image="ubuntu:24.04", python_packages=("python3", "python3-venv"))
    assert names(base, SystemPackage(name="git")) == ["git", "python3", "python3-venv"]


def test_libraries_that_the_wheels_load_are_added() -> None:
    assert names(Base(image="python:3.12", libraries=("libgomp1",)), SystemPackage(name="git")) == ["git", "libgomp1"]


def test_locked_version_is_kept() -> None:
    base = Base(image="ubuntu:24.04", python_packages=("python3",))
    locked = SystemPackage(name="python3", version="3.12.3-0ubuntu2")
    assert needed_packages(base, manager(), (locked,)) == (locked,)


def test_compilers_are_added_for_devel_where_the_image_has_none() -> None:
    assert names(Base(image="ubuntu:24.04", flavor="devel")) == ["build-essential"]
    assert names(Base(image="python:3.12", flavor="devel", compilers=True)) == []
    assert names(Base(image="ubuntu:24.04")) == []


def test_nothing_is_added_to_the_host_itself() -> None:
    assert names(None) == []
