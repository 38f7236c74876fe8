"""The script for a native environment: what it says, shellcheck, and that it really installs and proves."""

import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from envkit.errors import DataError
from envkit.generate import generate_artifacts
from envkit.generate.expected import oldest_glibc
from envkit.model.lock import Lock, LockedFile, LockedPackage
from envkit.model.plan import Plan, SmokeTest, SystemPackage
from envkit.model.resolution import PackageIndex

MakePlan = Callable[..., Plan]
MakeWheel = Callable[..., Path]
Write = Callable[[Plan | tuple[Plan, ...], str], Path]
GOLDEN = Path(__file__).parents[1] / "golden" / "outputs"
VERSION = "{}.{}".format(*sys.version_info)
SMOKE = """
def smoke(device, index):
    import tinyframe
    return {"device_name": "here", "expected": "42", "observed": str(tinyframe.answer())}
"""


def digest(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def tiny(container_plan: MakePlan, make_wheel: MakeWheel, tmp_path: Path) -> Plan:
    """The plan of one wheel in a wheelhouse, `wheels`, for the Python and processor of this machine."""
    wheel = make_wheel(tmp_path / "wheels", "tinyframe", "1.0", body="def answer():\n    return 42\n")
    file = LockedFile(filename=wheel.name, sha256=digest(wheel), path=str(wheel))
    lock = Lock(
        python=VERSION,
        platform=f"{platform.machine()}-manylinux_2_17",
        packages=(LockedPackage(name="tinyframe", version="1.0", file=file),),
        pylock="",
        sha256="c" * 64,
    )
    smoke = (SmokeTest(recipe="tinyframe", program=SMOKE, device="cpu"),)
    return container_plan(python=VERSION, lock=lock, smoke=smoke)


def install(directory: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the script as a user would whose pip has the wheelhouse in its settings."""
    usual = {"PATH": os.environ["PATH"], "PIP_CONFIG_FILE": os.devnull, "HOME": str(directory)}
    return subprocess.run(
        ["sh", str(directory / "install.sh"), str(directory / "my env")],  # noqa: S607 - any POSIX shell
        check=False,
        capture_output=True,
        text=True,
        env={**usual, **variables},
    )


def test_it_installs_what_is_locked_and_proves_it(tiny: Plan, generated: Write) -> None:
    directory = generated(tiny, "native")
    wheels = str(directory / "wheels")
    ended = install(directory, PYTHON=sys.executable, PIP_NO_INDEX="1", PIP_FIND_LINKS=wheels)
    assert ended.returncode == 0, ended.stderr
    assert "ok  tinyframe on cpu (here): expected 42, got 42" in ended.stdout
    assert "1 of 1 packages equal the lock" in ended.stdout


def install_with_uv(directory: Path) -> subprocess.CompletedProcess[str]:
    """Run the script where nothing but uv and a Python under a name that the script does not know are there."""
    tools = directory / "tools"
    tools.mkdir()
    for tool in ("dirname", "uname", "getconf", "sed", "sort", "head"):
        (tools / tool).symlink_to(f"/usr/bin/{tool}")
    (tools / "sh").symlink_to("/bin/sh")
    (tools / "uv").symlink_to(Path(sys.executable).with_name("uv"))
    (tools / "python").symlink_to(sys.executable)
    return install(
        directory,
        PATH=str(tools),
        UV_PYTHON_DOWNLOADS="never",
        UV_OFFLINE="1",
        UV_FIND_LINKS=str(directory / "wheels"),
        UV_CACHE_DIR=str(directory / "cache"),
    )


def test_it_takes_uv_where_there_is_no_python_for_it(tiny: Plan, generated: Write) -> None:
    directory = generated(tiny, "native")
    ended = install_with_uv(directory)
    assert ended.returncode == 0, ended.stderr
    assert "1 of 1 packages equal the lock" in ended.stdout
    assert not list((directory / "my env").glob("bin/pip*"))


def test_a_file_that_is_not_the_locked_one_is_refused(tiny: Plan, generated: Write) -> None:
    (package,) = tiny.lock.packages
    other = msgspec.structs.replace(package, file=msgspec.structs.replace(package.file, sha256="0" * 64))
    plan = msgspec.structs.replace(tiny, lock=msgspec.structs.replace(tiny.lock, packages=(other,)))
    ended = install_with_uv(generated(plan, "native"))
    assert ended.returncode != 0
    assert "Hash mismatch for `tinyframe==1.0`" in ended.stderr


def test_another_machine_and_another_python_are_refused_with_a_reason(tiny: Plan, generated: Write) -> None:
    lock = msgspec.structs.replace(tiny.lock, platform="riscv64-manylinux_2_35")
    ended = install(generated(msgspec.structs.replace(tiny, lock=lock), "native"))
    assert (ended.returncode, ended.stderr[:43]) == (4, "error: the lock is for another processor, r")
    ended = install(generated(msgspec.structs.replace(tiny, python="3.99"), "native"), PATH="/usr/bin:/bin")
    assert (ended.returncode, "neither python3.99" in ended.stderr) == (4, True)


def test_recipes_have_their_own_indexes_and_the_system_its_packages(container_plan: MakePlan) -> None:
    index = PackageIndex(name="x", url="https://download.pytorch.org/whl/cpu", packages=("torch",))
    plan = container_plan(indexes=(index,), system_packages=(SystemPackage(name="git"), SystemPackage(name="libgl1")))
    text = generate_artifacts(plan, "native").text("install.sh")
    assert "--extra-index-url https://download.pytorch.org/whl/cpu" in text
    assert "# Expected of the distribution: git libgl1\n" in text


@pytest.mark.parametrize("name", ["x\nrm -rf /", "$(id)", "a;b", "-rf"])
def test_names_of_system_packages_cannot_leave_their_comment(container_plan: MakePlan, name: str) -> None:
    with pytest.raises(DataError):
        generate_artifacts(container_plan(system_packages=(SystemPackage(name=name),)), "native")


@pytest.mark.parametrize("word", ["3.11; id", "$(id)", "`id`", "3.11' id '"])
def test_no_value_is_read_as_a_command(tiny: Plan, generated: Write, word: str) -> None:
    ended = install(generated(msgspec.structs.replace(tiny, python=word), "native"), PATH="/usr/bin:/bin")
    assert "uid=" not in ended.stdout + ended.stderr
    assert ended.returncode == 4


@pytest.mark.parametrize(
    ("filenames", "expected"),
    [
        (("a-1-py3-none-any.whl",), None),
        (("a-1-cp311-cp311-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",), "2.17"),
        (("a-1-py3-none-manylinux_2_28_x86_64.whl", "b-1-py3-none-manylinux1_x86_64.whl"), "2.28"),
    ],
)
def test_glibc_is_as_old_as_every_wheel_takes(tiny: Plan, filenames: tuple[str, ...], expected: str | None) -> None:
    packages = tuple(
        LockedPackage(name="a", version="1", file=LockedFile(filename=filename, sha256="0" * 64))
        for filename in filenames
    )
    assert oldest_glibc(msgspec.structs.replace(tiny.lock, packages=packages)) == expected


def test_shellcheck_has_nothing_to_say_about_the_golden_scripts() -> None:
    paths = sorted(map(str, GOLDEN.glob("*/*/native/install.sh")))
    assert len(paths) >= 12 * 6
    program = Path(sys.executable).with_name("shellcheck")
    completed = subprocess.run([str(program), "--shell=sh", *paths], check=False, capture_output=True, text=True)
    assert completed.returncode == 0, completed.stdout
