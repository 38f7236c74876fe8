"""What vendors' tools and libraries say is kept for the next start; what changes by itself is not."""

from collections.abc import Callable
from pathlib import Path

import pytest

from envkit.detect import detect_host
from envkit.system.command import Command, Completed
from envkit.system.replay import FolderHost

HOSTS = Path(__file__).resolve().parents[1] / "hosts"
SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "hosts"
FOLDERS = sorted(path.parent for place in (HOSTS, SHARED) for path in place.glob("*/host.yaml"))
# Commands of the system, of engines and of interpreters: quick, and about what changes without a restart.
SYSTEM = {
    "uname",
    "lspci",
    "stat",
    "id",
    "dmesg",
    "journalctl",
    "modinfo",
    "dkms",
    "docker",
    "sysctl",
    "sw_vers",
}
# What a vendor's tool is asked anew each time, and why.
CHANGING = {
    ("nvidia-smi", "-q"): "the licence of a virtual GPU is taken and lost while the machine runs",
    ("system_profiler", "SPDisplaysDataType", "-json"): "macOS tells no boot by which an answer could be kept",
}


class WatchedHost(FolderHost):
    """A recorded machine that remembers what was run on it."""

    ran: tuple[Command, ...] = ()

    def run(self, command: Command) -> Completed:
        self.ran = (*self.ran, command)
        return super().run(command)


def vendors_commands(folder: Path, recorded: Callable) -> list[Command]:
    host = WatchedHost(folder, recorded(folder).document.get("recordings", []))
    detect_host(host, data_directory="/x")
    return [
        command
        for command in host.ran
        if Path(command.argv[0]).name not in SYSTEM
        and "--version" not in command.argv[1:]
        and (Path(command.argv[0]).name, *command.argv[1:]) not in CHANGING
        and not command.argv[0].startswith("/lib/ld-musl")
    ]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_answers_of_a_vendors_tools_are_kept(folder: Path, recorded: Callable) -> None:
    asked = vendors_commands(folder, recorded)
    assert [str(command) for command in asked if not command.stable] == []


@pytest.mark.parametrize(
    ("name", "program"),
    [("nvidia-h100-mig", "nvml.py"), ("ascend-310p3-libdcmi", "dcmi.py"), ("cambricon-mlu370-x4-cnmon4", "cnmon")],
)
def test_libraries_and_tools_are_among_them(name: str, program: str, recorded: Callable) -> None:
    asked = {Path(word).name for command in vendors_commands(HOSTS / name, recorded) for word in command.argv}
    assert program in asked
