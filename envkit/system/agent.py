"""Answers what envkit asks about the machine around a container; a program, which envkit does not import.

It is handed to the Python of a base image on the command line and needs its standard library alone. Each line of
standard input is a JSON list of questions, `["read", "/etc/os-release", 65536]`; the list of their answers is one line
of standard output. It ends with its input, or after a minute without a question.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import stat
import sys
from collections.abc import Callable

SILENCE_SECONDS = 60
MOST_LINKS = 40
LIBRARY_BYTES = 8 * 1024 * 1024
LIBC = re.compile(rb"GNU C Library [^\n]{0,200}? version (\d+\.\d+)")
OWN_NUMBERS = ["0", "0", "4294967295"]  # of users, where no namespace maps them
OF_A_PROCESS = re.compile(r"/proc/(\d+|self|thread-self)(/|$)")
OF_THE_AGENT = re.compile(r"/proc/(self|thread-self)(/|$)")


class HiddenError(OSError):
    """A place of which nothing can be told from inside a container."""


class Machine:
    """The machine whose file system is seen at `root`.

    `own_kernel`: where its /proc or /sys is not seen there, this process's own stands in, which shows the same kernel.
    """

    def __init__(self, root: str, *, own_kernel: bool) -> None:
        self.root = os.path.realpath(root).rstrip("/")
        signs = {"/proc/": "version", "/sys/": "devices"} if own_kernel else {}
        self.inside = tuple(path for path, sign in signs.items() if not os.path.exists(self.root + path + sign))

    def place(self, path: str) -> str:
        """Return where a path is seen, with the links in it followed as the machine itself would."""
        return self.seen(self.walk(path))

    def seen(self, path: str) -> str:
        """Return where a path without links is seen."""
        inside = path.startswith(self.inside)
        # What the container's own processes may use says nothing about its machine.
        if (OF_A_PROCESS if inside else OF_THE_AGENT).match(path):
            raise HiddenError(0, "not visible from a container", path)
        return path if inside else self.root + path

    def walk(self, path: str, *, last: bool = True) -> str:
        """Return a path with its links followed; `last`: that of its last part too."""
        waiting = parts(path)
        done: list[str] = []
        links = 0
        while waiting:
            part = waiting.pop(0)
            if part == "..":
                done = done[:-1]
                continue
            target = self.target("/" + "/".join([*done, part])) if waiting or last else None
            if target is None:
                done.append(part)
                continue
            links += 1
            if links > MOST_LINKS:
                raise OSError(0, "too many levels of symbolic links", path)
            done = [] if target.startswith("/") else done
            waiting = parts(target) + waiting
        return "/" + "/".join(done)

    def target(self, path: str) -> str | None:
        """Return what a link points to, as written, or None for anything else."""
        try:
            return os.readlink(self.seen(path))
        except OSError:
            return None


def parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in {"", "."}]


def answer_read(machine: Machine, path: str, limit: int) -> object:
    try:
        place = machine.place(path)
        if stat.S_ISFIFO(os.stat(place).st_mode):  # opening it would wait for its other end
            return {"failure": "not a regular file"}
        with open(place, "rb") as file:
            return {"text": file.read(limit).decode(errors="replace")}
    except (FileNotFoundError, NotADirectoryError):
        return {"failure": "no such file"}
    except OSError as error:
        return {"failure": (error.strerror or str(error)).lower()}


def answer_names(machine: Machine, path: str) -> object:
    return sorted(os.listdir(machine.place(path)))


def answer_link(machine: Machine, path: str) -> object:
    return machine.target(machine.walk(path, last=False))


def answer_exists(machine: Machine, path: str) -> object:
    try:
        os.stat(machine.place(path))
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def answer_real_path(machine: Machine, path: str) -> object:
    real = machine.walk(path)
    os.stat(machine.seen(real))
    return real


def answer_owner(machine: Machine, path: str) -> object:
    with open("/proc/self/uid_map", encoding="ascii") as file:
        if file.read().split() != OWN_NUMBERS:
            return None
    status = os.stat(machine.place(path))
    return {"uid": status.st_uid, "gid": status.st_gid, "mode": stat.S_IMODE(status.st_mode)}


def answer_free_bytes(machine: Machine, path: str) -> object:
    while True:
        try:
            status = os.statvfs(machine.place(path))
        except FileNotFoundError:
            path = os.path.dirname(path.rstrip("/"))
            continue
        return status.f_bavail * status.f_frsize


def answer_machine(machine: Machine) -> object:
    kernel = os.uname()
    return {
        "system": kernel.sysname.lower(),
        "kernel": kernel.release,
        "architecture": kernel.machine,
        "libc": libc_of(machine, kernel.machine),
    }


def libc_of(machine: Machine, architecture: str) -> str | None:
    """Return family and version of the machine's own C library, which says them of itself."""
    for folder in (f"/lib/{architecture}-linux-gnu", "/lib64", "/usr/lib64", "/usr/lib"):
        try:
            with open(machine.place(f"{folder}/libc.so.6"), "rb") as file:
                found = LIBC.search(file.read(LIBRARY_BYTES))
        except OSError:
            continue
        if found is not None:
            return f"glibc {found.group(1).decode()}"
    return None


ANSWERS: dict[str, Callable[..., object]] = {
    "exists": answer_exists,
    "free_bytes": answer_free_bytes,
    "link": answer_link,
    "machine": answer_machine,
    "names": answer_names,
    "owner": answer_owner,
    "read": answer_read,
    "real_path": answer_real_path,
}


def answer(machine: Machine, question: list[str]) -> object:
    name, *arguments = question
    try:
        return ANSWERS[name](machine, *arguments)
    except (OSError, ValueError):  # ValueError: a NUL in a path
        return None


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", default="/")
    parser.add_argument("--own-kernel", action="store_true")
    arguments = parser.parse_args()
    machine = Machine(arguments.root, own_kernel=arguments.own_kernel)
    # With a handler of its own: the first process of a container gets no other signals.
    signal.signal(signal.SIGALRM, lambda *_: os._exit(0))
    while True:
        signal.alarm(SILENCE_SECONDS)
        line = sys.stdin.readline()
        if not line:
            return
        sys.stdout.write(json.dumps([answer(machine, question) for question in json.loads(line)]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
