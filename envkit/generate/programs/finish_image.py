# noqa: INP001 - a program for the inside of images, which envkit itself must not be able to import
"""Finishes the environment of an image: bytecode of what is really used, and the same times in every build.

Called as: finish_image.py TREE ROOT WRITABLE_DIRECTORY...
TREE is laid over the base image later. It holds the environment, to be seen under ROOT already now; it gets the
directories that every user may write to, and the bytecode of standard modules that the base image came without. The
modules to import stand in `imports.txt` beside this program, which runs on any Python from 3.8 on.
"""

from __future__ import annotations

import os
import py_compile
import sys
from importlib import import_module
from importlib.util import cache_from_source
from pathlib import Path


def main(tree: str, root: str, *writable: str) -> None:
    """Compile, make the directories, and set all times to SOURCE_DATE_EPOCH."""
    for directory in writable:
        path = Path(tree + directory)
        path.mkdir(parents=True)
        path.chmod(0o1777)  # any uid may run the image
    modules = Path(__file__).with_name("imports.txt").read_text(encoding="utf-8").split()
    for source in loaded_sources(modules):
        compile_source(source, tree, root)
    set_times(tree, int(os.environ["SOURCE_DATE_EPOCH"]))


def loaded_sources(modules: list[str]) -> list[str]:
    """Import the modules in a child, because an import can crash where the device is missing, and return all files."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        for module in modules:
            import_or_say(module)
        loaded = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
        sources = {str(Path(path).absolute()) for path in loaded if path and path.endswith(".py")}
        with os.fdopen(writer, "w", encoding="utf-8") as file:
            file.write("\n".join(sorted(sources)))
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as file:
        sources_text = file.read()
    status = os.waitpid(child, 0)[1]
    if status:
        say(f"importing ended with wait status {status}: no bytecode is kept")
    return [path for path in sources_text.split("\n") if Path(path).is_file()]


def import_or_say(module: str) -> None:
    """Import a module; whether it works is for the smoke test to say, here it is only about bytecode."""
    try:
        import_module(module)
    except BaseException as error:  # noqa: BLE001 - frameworks raise what they like, SystemExit included
        say(f"cannot import {module} here, its bytecode is not kept: {error}")


def compile_source(source: str, tree: str, root: str) -> None:
    """Write the bytecode of one file beside it, or below TREE where the file belongs to the base image and has none."""
    cached = cache_from_source(source)
    if not source.startswith(root + "/"):
        if Path(cached).exists() or not source.startswith(sys.base_prefix + "/"):
            return
        cached = tree + cached
    # Nobody changes these files, so that Python need not compare them with their sources at each start.
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(source, cfile=cached, doraise=True, invalidation_mode=mode)


def set_times(top: str, epoch: int) -> None:
    """Set the times of a directory and everything in it."""
    for directory, directories, names in os.walk(top):
        for name in directories + names:
            os.utime(Path(directory, name), (epoch, epoch), follow_symlinks=False)
    os.utime(top, (epoch, epoch))


def say(text: str) -> None:
    """Write a line into the build's log."""
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
