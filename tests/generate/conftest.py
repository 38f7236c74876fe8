from collections.abc import Callable

import pytest

from envkit.model.lock import Lock, LockedFile, LockedPackage
from envkit.model.plan import Plan
from envkit.model.request import Mode
from envkit.model.resolution import Base

MakePlan = Callable[..., Plan]


def _package(name: str, version: str) -> LockedPackage:
    sha256 = f"{sum(name.encode()) % 16:x}" * 64
    file = LockedFile(filename=f"{name}.whl", sha256=sha256, url=f"https://user:word@mirror.example.com/{name}.whl")
    return LockedPackage(name=name, version=version, file=file)


@pytest.fixture
def container_plan() -> MakePlan:
    """A plan for a container; keyword arguments replace its fields, `locked` its packages."""

    def make(*, locked: dict[str, str] | None = None, **fields: object) -> Plan:
        packages = {"torch": "2.13.0+cpu", "numpy": "2.3.5"} if locked is None else locked
        lock = Lock(
            python="3.11",
            platform="x86_64-manylinux_2_36",
            packages=tuple(_package(name, version) for name, version in packages.items()),
            pylock="",
            sha256="c" * 64,
        )
        usual: dict[str, object] = {
            "name": "demo",
            "mode": Mode.CONTAINER,
            "vendor": "cpu",
            "variant": "cpu",
            "python": "3.11",
            "packages": packages,
            "lock": lock,
            "smoke": (),
            "fingerprint": "f1",
            "base": Base(image="python:3.11-slim-bookworm", os="debian-12", digest="sha256:" + "1" * 64),
            "imports": ("torch",),
        }
        return Plan(**{**usual, **fields})  # type: ignore[arg-type]

    return make
