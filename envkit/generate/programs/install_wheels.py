# noqa: INP001 - a program for the inside of images, which envkit itself must not be able to import
"""Makes the environment of an image, or adds wheels to it, and goes on as the program that finishes it.

Called as: install_wheels.py PYTHON VENV REQUIREMENTS FINISH STEP TREE ROOT [WRITABLE_DIRECTORY...]
by a Python that has pip. VENV is made with PYTHON where it is not there yet; FINISH is run by the Python in it, with
the words that follow. Where `base_packages.txt` lies beside this program, this Python is that of an image which brings
these packages: VENV sees them after its own. Works on any Python from 3.8 on.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

BROUGHT = Path(__file__).parent / "base_packages.txt"


def main(python: str, venv: str, requirements: str, *finish: str) -> None:
    """Make the environment, install what REQUIREMENTS lists and nothing else, and become FINISH."""
    tree, root = finish[2:4]
    if tree and not Path(root).exists():
        # Seen where it will be, written where it is taken from.
        Path(tree + root).mkdir(parents=True)
        Path(root).parent.mkdir(parents=True, exist_ok=True)
        Path(root).symlink_to(tree + root)
    # Bytecode is written by FINISH alone, and the order of sets must not reach it.
    os.environ.update(PYTHONDONTWRITEBYTECODE="1", PYTHONHASHSEED="0")
    if not Path(venv).exists():
        run(python, "-m", "venv", "--without-pip", venv)
        if BROUGHT.exists():
            join_base(venv)
    if Path(requirements).stat().st_size:
        # The Python of the environment runs the pip of this one: `pip --python` is younger than some distributions.
        pip = (
            f"{venv}/bin/python",
            pip_directory(),
            "--disable-pip-version-check",
            "install",
        )
        exact = ("--require-hashes", "--no-deps", "--only-binary=:all:", "--no-compile", "--no-warn-script-location")
        # What lies beside that pip is none of the environment's.
        run(*pip, *exact, "--ignore-installed", "--requirement", requirements)
    os.execv(f"{venv}/bin/python", [f"{venv}/bin/python", *finish])  # noqa: S606 - no shell is wanted


def join_base(venv: str) -> None:
    """Let the environment see what this Python sees; end where that is not what the image should bring."""
    for line in BROUGHT.read_text(encoding="utf-8").splitlines():
        name, _, release = line.partition("==")
        found = installed_version(name)
        # A vendor's build of 2.5.1 is called 2.5.1+vendor1 or 2.5.1a0+git0123; 2.5.10 is another release.
        if found is None or re.match(rf"{re.escape(release)}(?!\.?\d)", found) is None:
            sys.exit(f"the base image should bring {name} {release}; {sys.executable} has {found or 'none'}")
    paths = sysconfig.get_paths()
    own = {paths["stdlib"], paths["platstdlib"], str(Path(paths["platstdlib"], "lib-dynload"))}
    places = [place for place in sys.path[1:] if place not in own and Path(place).is_dir()]
    for packages in Path(venv).glob("lib/python*/site-packages"):
        # Files like this one may lie in those directories as well: Python has to read them too.
        lines = [f"import site; site.addsitedir({place!r})\n" for place in places]
        (packages / "envkit_base.pth").write_text("".join(lines), encoding="utf-8")


def installed_version(name: str) -> str | None:
    """Return the version of a package that this Python sees, or None."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def pip_directory() -> str:
    """Return where the pip of this Python lies; a directory with `__main__.py` can be run by any Python."""
    return str(Path(str(import_module("pip").__file__)).parent)


def run(*argv: str) -> None:
    """Run a command, and end as it does where it fails."""
    status = subprocess.call(argv)
    if status:
        sys.exit(status)


if __name__ == "__main__":
    main(*sys.argv[1:])
