# noqa: INP001 - a program for the inside of images, which envkit itself must not be able to import
"""Finishes the environment of an image: bytecode of what is really used, and the same times in every build.

Called as: finish_image.py STEP TREE ROOT [WRITABLE_DIRECTORY...]
ROOT is the directory of the environment. TREE is laid over the base image later: it is where ROOT really lies, and gets
all else; empty: the image itself is being made. Beside this program, `imports.txt` names the modules that are used.
STEP says what was installed, and what of it gets bytecode:

whole   everything: the modules are really imported, and all that they load, standard modules included
part    what more is installed after: what these modules import, as far as it is there
ground  what more is laid over: the same, and what they import of the standard modules
group   what is laid over the ground, where nothing else is seen: what importing its own packages loads
lock    nothing: `requirements.lock` is put into ROOT

With `whole` and `ground` the directories are made for every user and `envkit_threads.py` is put among the modules;
`whole` includes `lock`. What is imported without really doing so is found by reading. It runs on any
Python from 3.8 on.
"""

from __future__ import annotations

import ast
import os
import py_compile
import shutil
import sys
import sysconfig
from importlib import import_module
from importlib.util import cache_from_source
from pathlib import Path

BESIDE = Path(__file__).parent
THREADS = "envkit_threads"


def main(step: str, tree: str, root: str, *writable: str) -> None:
    """Compile, make the directories, and set all times to SOURCE_DATE_EPOCH."""
    changed = [tree or root, *(str(make_writable(tree + directory)) for directory in writable)]
    if step in ("whole", "ground"):
        place_thread_counter()
    if step in ("whole", "lock"):
        place_lock(tree + root if step == "lock" else root)
    changed += [compile_source(source, tree, root) for source in used_sources(step)]
    epoch = int(os.environ["SOURCE_DATE_EPOCH"])
    for path in dict.fromkeys(changed):
        set_times(path, epoch)
    for directory in {parent for path in changed for parent in Path(path).parents[:2]}:
        set_time(directory, epoch)


def used_sources(step: str) -> list[str]:
    """Return the files that get bytecode."""
    if step == "lock":
        return []
    paths = sysconfig.get_paths()
    packages = Path(paths["purelib"])
    if step == "group":
        return named_sources(own_modules(packages), [packages])
    modules = (BESIDE / "imports.txt").read_text(encoding="utf-8").split()
    if step == "part":
        return named_sources(modules, [packages])
    modules.append(THREADS)
    if step == "ground":
        return named_sources(modules, [packages, Path(paths["stdlib"])])
    return loaded_sources(modules)


def own_modules(top: Path) -> list[str]:
    """Return the modules that stand directly in a directory."""
    found = [path.parent.name for path in top.glob("*/__init__.py")] + [path.stem for path in top.glob("*.py")]
    return sorted(found)


def make_writable(directory: str) -> Path:
    """Make a directory in which any user may write, because any may run the image."""
    path = Path(directory)
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o1777)
    return path


def place_lock(root: str) -> None:
    """Put the lock where people find it."""
    Path(root).mkdir(parents=True, exist_ok=True)
    shutil.copyfile(BESIDE / "requirements.lock", Path(root, "requirements.lock"))


def place_thread_counter() -> None:
    """Put the module that counts threads where Python loads it."""
    modules = Path(sysconfig.get_path("purelib"))
    shutil.copyfile(BESIDE / f"{THREADS}.py", modules / f"{THREADS}.py")
    (modules / f"{THREADS}.pth").write_text(f"import {THREADS}\n", encoding="utf-8")


def named_sources(modules: list[str], tops: list[Path]) -> list[str]:
    """Return the files that modules import when they are loaded, as far as they lie in directories, by their text.

    Importing needs all packages, and these are a part of them: they stay as they are while others change.
    """
    found: set[str] = set()
    pending = list(modules)
    seen = set(pending)
    while pending:
        name = pending.pop()
        path = source_of(name, tops)
        if path is None:
            continue
        found.add(str(path))
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        further = imported_names(path, package) - seen
        seen |= further
        pending += sorted(further)
    return sorted(found)


def source_of(name: str, tops: list[Path]) -> Path | None:
    """Return the file of a module below the first directory that has it, or None."""
    places = [top.joinpath(*name.split(".")) for top in tops]
    paths = (path for place in places for path in (place / "__init__.py", place.with_suffix(".py")))
    return next((path for path in paths if path.is_file()), None)


def imported_names(path: Path, package: str) -> set[str]:
    """Return the modules, and what may be some, that a file imports outside of its functions."""
    try:
        pending: list[ast.AST] = [ast.parse(path.read_bytes())]
    except (SyntaxError, ValueError) as error:
        say(f"cannot read {path}, its bytecode is not kept: {error}")
        return set()
    names: set[str] = set()
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names.update([base, *(f"{base}.{alias.name}" for alias in node.names)])
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            pending += node.body if isinstance(node.test, ast.UnaryOp) else node.orelse
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.expr)):
            pending += ast.iter_child_nodes(node)
    return {".".join(name.split(".")[:count]) for name in names for count in range(1, name.count(".") + 2)}


def loaded_sources(modules: list[str]) -> list[str]:
    """Import the modules in a child, because an import can crash where the device is missing, and return all files."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        # What lies beside this program is none of the environment's modules.
        sys.path[:] = [path for path in sys.path if path != str(BESIDE)]
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


def compile_source(source: str, tree: str, root: str) -> str:
    """Write the bytecode of one file and return its path: beside it, or below TREE where it is one of the base image.

    A file that has bytecode already keeps it.
    """
    cached = cache_from_source(source)
    if Path(cached).exists():
        return root
    if not source.startswith(root + "/"):
        if not source.startswith(sys.base_prefix + "/"):
            return root
        cached = tree + cached
    # Nobody changes these files, so that Python need not compare them with their sources at each start.
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(source, cfile=cached, doraise=True, invalidation_mode=mode)
    return cached


def set_times(top: str, epoch: int) -> None:
    """Set the times of a file, or of a directory and everything in it."""
    for directory, directories, names in os.walk(top):
        for name in directories + names:
            set_time(Path(directory, name), epoch)
    set_time(Path(top), epoch)


def set_time(path: Path, epoch: int) -> None:
    """Set the times of one file; one of a lower layer that has them already is left there."""
    if os.lstat(path).st_mtime != epoch and path.parent != path:
        os.utime(path, (epoch, epoch), follow_symlinks=False)


def say(text: str) -> None:
    """Write a line into the build's log."""
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
