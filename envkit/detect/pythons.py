"""Python interpreters of the host."""

import re
from concurrent.futures import ThreadPoolExecutor

from envkit.model.host import Python
from envkit.system.command import Command
from envkit.system.host import Host

_NAME = re.compile(r"python3(?:\.\d+)?")
# CPython only: other interpreters add a line of their own, or print another word.
_VERSION = re.compile(r"Python (?P<version>(?P<minor>3\.\d{1,4})\.\d{1,6}\S{0,40})\s*")
_OLDEST_MINOR = 8
_SECONDS = 5.0
_FIXED = ("/usr/bin", "/usr/local/bin")


def detect_pythons(host: Host) -> tuple[Python, ...] | None:
    """Return the CPython interpreters from 3.8 on, newest first, or None when no directory could be listed.

    Places: the search path, pyenv's and uv's own installations, /usr/bin, /usr/local/bin, /opt/*/bin. Scripts that
    stand for an interpreter (`#!`, as pyenv's shims) are left out, and each interpreter is listed once.
    """
    listed = tuple((folder, host.names(folder)) for folder in _folders(host))
    if all(names is None for _, names in listed):
        return None
    candidates = [f"{folder}/{name}" for folder, names in listed for name in names or () if _NAME.fullmatch(name)]
    real = dict.fromkeys(path for path in map(host.real_path, candidates) if path is not None)
    interpreters = [path for path in real if not (host.read(path, limit=2).text or "#!").startswith("#!")]
    if not interpreters:
        return ()
    with ThreadPoolExecutor(max_workers=len(interpreters)) as workers:
        answers = tuple(workers.map(lambda path: _ask(host, path), interpreters))
    found = [python for python in answers if python is not None]
    return tuple(sorted(found, key=lambda python: (_order(python), python.path), reverse=True))


def _folders(host: Host) -> tuple[str, ...]:
    home = host.variable("HOME") or ""
    pyenv = f"{host.variable('PYENV_ROOT') or f'{home}/.pyenv'}/versions"
    uv = f"{host.variable('XDG_DATA_HOME') or f'{home}/.local/share'}/uv/python"
    several = [f"{parent}/{name}/bin" for parent in (pyenv, uv, "/opt") for name in host.names(parent) or ()]
    path = [folder for folder in (host.variable("PATH") or "").split(":") if folder.startswith("/")]
    return tuple(dict.fromkeys([*path, *several, *_FIXED]))


def _ask(host: Host, path: str) -> Python | None:
    completed = host.run(Command(argv=(path, "--version"), timeout_seconds=_SECONDS))
    match = _VERSION.fullmatch(completed.stdout)
    if not completed.ok or match is None or int(match["minor"].partition(".")[2]) < _OLDEST_MINOR:
        return None
    return Python(version=match["version"], path=path)


def _order(python: Python) -> tuple[int, int, int, bool, str]:
    major, minor, rest = python.version.split(".", 2)
    micro = re.match(r"\d+", rest)
    patch = "" if micro is None else micro[0]
    # 3.14.0rc1 comes before 3.14.0.
    return int(major), int(minor), int(patch or 0), rest == patch, rest
