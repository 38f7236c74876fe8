"""Which answers of tools are kept, and for how long."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from envkit.system.answers import KeepingHost
from envkit.system.command import Command
from envkit.system.host import Host


class Machine:
    """A machine in a state that the test changes, and a tool that counts how often it runs."""

    def __init__(self, folder: Path) -> None:
        self.cache = folder / "cache"
        self.count = folder / "count"
        self.state: str | None = "boot 1"

    def told(self, host: Host) -> str | None:
        assert host.read("/proc/version").text, "the state is read from the machine itself"
        return self.state

    def ask(self, *, status: int = 0, stable: bool = True, argument: str = "x") -> int:
        script = f"echo . >> {self.count}; echo said $0; exit {status}"
        command = Command(argv=("sh", "-c", script, argument), timeout_seconds=5, stable=stable)
        completed = KeepingHost(self.cache, self.told).run(command)
        assert (completed.status, completed.stdout) == (status, f"said {argument}\n")
        return self.count.read_text().count(".")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_a_stable_answer_is_kept_for_the_next_start(machine: Machine) -> None:
    assert [machine.ask(), machine.ask(), machine.ask(argument="y"), machine.ask(argument="y")] == [1, 1, 2, 2]


def test_a_machine_in_another_state_is_asked_again(machine: Machine) -> None:
    machine.ask()
    machine.state = "boot 2"
    assert [machine.ask(), machine.ask()] == [2, 2]
    machine.state = "boot 1"
    assert machine.ask() == 3, "answers of an older state are not kept beside the new ones"


def test_nothing_is_kept_of_a_machine_whose_state_is_unknown(machine: Machine) -> None:
    machine.state = None
    assert [machine.ask(), machine.ask()] == [1, 2]
    assert not machine.cache.exists()


def test_failures_and_other_commands_are_never_kept(machine: Machine) -> None:
    assert [machine.ask(status=1), machine.ask(status=1)] == [1, 2]
    assert [machine.ask(stable=False), machine.ask(stable=False)] == [3, 4]


@pytest.mark.parametrize("content", [b"", b"\xff" * 64, b"\x82\xa3key\xa1x\xa7answers\x01"])
def test_a_broken_file_is_as_none(machine: Machine, content: bytes) -> None:
    machine.ask()
    (file,) = machine.cache.iterdir()
    file.write_bytes(content)
    assert [machine.ask(), machine.ask()] == [2, 2]


def test_the_file_is_this_users_only(machine: Machine) -> None:
    machine.ask()
    (file,) = machine.cache.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_place_that_cannot_be_written_costs_nothing_but_time(machine: Machine) -> None:
    machine.cache.write_text("a file where the folder should be")
    assert [machine.ask(), machine.ask()] == [1, 2]


def test_threads_keep_all_of_their_answers(machine: Machine) -> None:
    host = KeepingHost(machine.cache, machine.told)
    commands = [
        Command(argv=("sh", "-c", f"echo . >> {machine.count}; echo {number}"), timeout_seconds=5, stable=True)
        for number in range(12)
    ]
    for _ in range(2):
        with ThreadPoolExecutor(6) as workers:
            answers = [completed.stdout for completed in workers.map(host.run, commands)]
        assert answers == [f"{number}\n" for number in range(12)]
        host = KeepingHost(machine.cache, machine.told)
    assert machine.count.read_text().count(".") == 12
