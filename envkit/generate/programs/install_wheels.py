# noqa: INP001 - a program for the inside of images, which envkit itself must not be able to import
"""Makes the environment of an image, or adds wheels to it, and goes on as the program that finishes it.

Called as: install_wheels.py PYTHON VENV REQUIREMENTS FINISH STEP TREE ROOT [WRITABLE_DIRECTORY...]
by a Python that has pip. VENV is made with PYTHON where it is not there yet; FINISH is run by the Python in it, with
the words that follow. Works on any Python from 3.8 on.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path


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
