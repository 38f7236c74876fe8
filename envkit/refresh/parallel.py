"""The same work for many things at once, which an interrupt ends at once."""

import threading
from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue
from typing import TypeVar

CONNECTIONS = 8
Item = TypeVar("Item")
Result = TypeVar("Result")


def work_through(
    items: Iterable[Item], work: Callable[[Item], Result], done: Callable[[Item], None]
) -> dict[Item, Result]:
    """Do the work for each item in at most eight threads and return the results; `done` is told of each in turn.

    The first exception ends it: nothing new is begun, and the exception is raised here.
    """
    waiting: SimpleQueue[Item] = SimpleQueue()
    wanted = list(dict.fromkeys(items))
    for item in wanted:
        waiting.put(item)
    answers: SimpleQueue[tuple[Item, Result | BaseException]] = SimpleQueue()
    stopped = threading.Event()

    def run() -> None:
        while not stopped.is_set():
            try:
                item = waiting.get_nowait()
            except Empty:
                return
            try:
                answers.put((item, work(item)))
            except BaseException as error:  # noqa: BLE001 - raised again below, in the thread that waits
                answers.put((item, error))

    # Daemons: a read that hangs until its time limit must not hold up the end of the command.
    for _ in range(min(CONNECTIONS, len(wanted))):
        threading.Thread(target=run, daemon=True).start()
    results: dict[Item, Result] = {}
    try:
        while len(results) < len(wanted):
            item, answer = answers.get()
            if isinstance(answer, BaseException):
                raise answer
            results[item] = answer
            done(item)
    finally:
        stopped.set()
    return results
