"""The Python and platform that packages are locked for, which need not be those that envkit runs on."""

import re
from typing import TYPE_CHECKING

from envkit.model.value import Value

if TYPE_CHECKING:
    from packaging.tags import Tag

# The glibc versions for which `uv pip compile --python-platform` has a name, newest first.
_UV_GLIBC = (*range(40, 30, -1), 28, 17)
_UV_ARCHITECTURES = frozenset({"aarch64", "x86_64"})
# Names of platforms from before they were called after the glibc version: PEP 513, PEP 571, PEP 599.
_OLD_NAMES = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
_NEWEST_GLIBC = 99
_OLDEST_GLIBC = 5


class Target(Value):
    """A Python version on Linux; `interpreter` is set where the packages are for an interpreter of this machine."""

    python: str  # 3.12
    cpu_architecture: str
    glibc: str | None = None  # 2.36
    interpreter: str | None = None

    @property
    def platform(self) -> str:
        """The platform as it stands in a lock: `x86_64-manylinux_2_36`; without a number where glibc is not known."""
        minor = self._glibc_minor
        return f"{self.cpu_architecture}-{'linux' if minor is None else f'manylinux_2_{minor}'}"

    @property
    def uv_platform(self) -> str | None:
        """The nearest platform, not newer, that uv has a name for; None: it takes that of the interpreter."""
        if self.interpreter is not None or self.cpu_architecture not in _UV_ARCHITECTURES:
            return None
        known = _UV_GLIBC[-1] if self._glibc_minor is None else self._glibc_minor
        minor = next((minor for minor in _UV_GLIBC if minor <= known), _UV_GLIBC[-1])
        return f"{self.cpu_architecture}-manylinux_2_{minor}"

    @property
    def _glibc_minor(self) -> int | None:
        found = re.match(r"2\.(\d+)", self.glibc or "")
        return None if found is None else int(found[1])

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platform tags of wheels that run there, the best first; with glibc not known, those of every glibc."""
        newest = _NEWEST_GLIBC if self._glibc_minor is None else self._glibc_minor
        names = []
        for minor in range(newest, _OLDEST_GLIBC - 1, -1):
            names.append(f"manylinux_2_{minor}_{self.cpu_architecture}")
            if minor in _OLD_NAMES:
                names.append(f"{_OLD_NAMES[minor]}_{self.cpu_architecture}")
        return (*names, f"linux_{self.cpu_architecture}")


def supported_tags(target: Target) -> tuple["Tag", ...]:
    """Return the tags of wheels that can be installed, the best first."""
    # Imported here: it takes 20 ms, and a plan can be read without it.
    from packaging.tags import compatible_tags, cpython_tags

    free_threaded = target.python.endswith("t")
    major, minor = (int(part) for part in target.python.removesuffix("t").split(".")[:2])
    interpreter = f"cp{major}{minor}"
    abi = f"{interpreter}t" if free_threaded else interpreter
    platforms = target.platforms
    return (
        *cpython_tags((major, minor), abis=[abi], platforms=platforms),
        *compatible_tags((major, minor), interpreter=interpreter, platforms=platforms),
    )
