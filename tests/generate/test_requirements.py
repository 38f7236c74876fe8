import pytest

from envkit.errors import DataError
from envkit.generate.requirements import requirement_lines
from envkit.model.lock import Lock, LockedFile, LockedPackage

HOSTILE = [
    "x\n--index-url=https://evil.example.com",
    "x --hash=sha256:0",
    "x; python_version>'3'",
    "x\\",
    "$(id)",
    "",
    "x\0",
    "\u202e",
]


def lock(name: str = "torch", version: str = "2.13.0+cpu", sha256: str = "a" * 64) -> Lock:
    file = LockedFile(filename="x.whl", sha256=sha256, url="https://user:word@mirror.example.com/x.whl")
    package = LockedPackage(name=name, version=version, file=file)
    other = LockedPackage(name="numpy", version="2.3.5", file=file)
    return Lock(python="3.11", platform="any", packages=(package, other), pylock="", sha256="")


def test_each_package_is_a_line_with_version_and_hash_and_no_address() -> None:
    assert requirement_lines(lock().packages) == (
        f"numpy==2.3.5 --hash=sha256:{'a' * 64}\ntorch==2.13.0+cpu --hash=sha256:{'a' * 64}\n"
    )


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
@pytest.mark.parametrize("field", ["name", "version", "sha256"])
def test_field_that_could_be_read_as_something_else_is_refused(field: str, text: str) -> None:
    with pytest.raises(DataError):
        requirement_lines(lock(**{field: text}).packages)
