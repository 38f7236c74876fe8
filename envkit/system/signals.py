"""Ends that come from outside: a terminal that is closed, a service manager or `timeout` that asks to stop."""

import signal
from types import FrameType
from typing import NoReturn


class Terminated(BaseException):
    """A signal asked this process to end; like `KeyboardInterrupt`, it lets everything on the way clean up."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def heed_termination() -> None:
    """Let SIGTERM and SIGHUP raise `Terminated` in this process, unless it was started to ignore them (`nohup`)."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _raise)


def ignore_signals() -> None:
    """Let SIGINT, SIGTERM and SIGHUP pass unheeded from now on."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _raise(number: int, _: FrameType | None) -> NoReturn:
    raise Terminated(number)
