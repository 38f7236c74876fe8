# noqa: INP001 - a module for the inside of images, which envkit itself must not be able to import
"""Gives OpenMP as many threads as the control group may use processors; it counts those of the whole machine otherwise.

Python loads this module whenever it starts, through `envkit_threads.pth` beside it, so that commands which are executed
in a running container have the same count as its first process. What somebody set is kept. Works from Python 3.8 on.
Files: https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files, and for version 1
https://docs.kernel.org/scheduler/sched-bwc.html
"""

from __future__ import annotations

import os

VARIABLE = "OMP_NUM_THREADS"


def main(root: str = "") -> None:
    """Set the variable where a quota leaves fewer processors than this process may run on."""
    if VARIABLE in os.environ:
        return
    quotas = [quota for place in places(root) for quota in (read_quota(place),) if quota is not None]
    if quotas and min(quotas) < len(os.sched_getaffinity(0)):
        os.environ[VARIABLE] = str(min(quotas))


def places(root: str) -> list[str]:
    """Return the directories of this process's group and of all above it, in both versions of control groups."""
    found = []
    for line in read(root + "/proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0":
            top = root + "/sys/fs/cgroup"
        elif "cpu" in controllers.split(","):
            top = root + "/sys/fs/cgroup/cpu"
        else:
            continue
        parts = [part for part in path.split("/") if part not in ("", "..")]
        found += ["/".join([top, *parts[:count]]) for count in range(len(parts) + 1)]
    return found


def read_quota(place: str) -> int | None:
    """Return the processors that a group may use, rounded up; None: as many as there are."""
    text = read(place + "/cpu.max") or f"{read(place + '/cpu.cfs_quota_us')} {read(place + '/cpu.cfs_period_us')}"
    quota, _, period = " ".join(text.split()).partition(" ")
    if not quota.isdigit() or not period.isdigit() or int(period) == 0:
        return None
    return max(1, -(-int(quota) // int(period)))


def read(path: str) -> str:
    """Return the text of a file, which is empty where there is none."""
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - pathlib would cost every start of Python
            return file.read()
    except OSError:
        return ""


main()
