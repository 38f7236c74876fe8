"""The kernel's messages, which say why a driver refused a device."""

import re

from envkit.system.command import Command
from envkit.system.host import Host

_SECONDS = 5.0
# Systems that keep `dmesg` for root let the members of some groups read the journal.
_SOURCES = (("dmesg",), ("journalctl", "--dmesg", "--boot", "--quiet", "--no-pager", "--output=cat"))
_STAMP = re.compile(r"^\[[ \d.]+\] ?")


def read_kernel_log(host: Host) -> tuple[str, ...] | None:
    """Return the messages since the start without their times, or None where this user may not read them.

    Sources, in order: 1. `dmesg`; 2. the journal.
    """
    for argv in _SOURCES:
        completed = host.run(Command(argv=argv, timeout_seconds=_SECONDS))
        if completed.ok and completed.stdout.strip():
            return tuple(_STAMP.sub("", line).strip() for line in completed.stdout.splitlines())
    return None
