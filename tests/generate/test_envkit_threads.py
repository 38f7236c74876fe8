"""The module that counts threads inside of images, run here on control groups made of files."""

import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

PROGRAM = files("envkit.generate").joinpath("programs", "envkit_threads.py").read_text(encoding="utf-8")
PROCESSORS = len(os.sched_getaffinity(0))
TWO = {"/proc/self/cgroup": "0::/\n"}
ONE = {"/proc/self/cgroup": "12:pids:/x\n4:cpu,cpuacct:/docker/abc\n0::/docker/abc\n"}


def threads(root: Path, texts: dict[str, str], **variables: str) -> str | None:
    """Return what the module sets under other files than those of this machine; None: nothing."""
    for path, text in texts.items():
        place = root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    ask = f"import os\nmain({str(root)!r})\nprint(os.environ.get(VARIABLE))\n"
    completed = subprocess.run(
        [sys.executable, "-c", PROGRAM.removesuffix("main()\n") + ask],
        env=variables,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return None if completed.stdout == "None\n" else completed.stdout.strip()


needs_two = pytest.mark.skipif(PROCESSORS < 2, reason="a quota below one processor changes nothing")


@needs_two
@pytest.mark.parametrize(
    ("quota", "expected"), [("50000 100000", "1"), ("100000 100000", "1"), ("1 100000", "1"), ("max 100000", None)]
)
def test_quota_is_rounded_up_to_whole_processors(quota: str, expected: str | None, tmp_path: Path) -> None:
    assert threads(tmp_path, {**TWO, "/sys/fs/cgroup/cpu.max": f"{quota}\n"}) == expected


def test_quota_of_all_processors_changes_nothing(tmp_path: Path) -> None:
    quota = f"{PROCESSORS * 100000} 100000\n"
    assert threads(tmp_path, {**TWO, "/sys/fs/cgroup/cpu.max": quota}) is None


@needs_two
def test_quota_of_a_group_above_counts_as_well(tmp_path: Path) -> None:
    texts = {
        "/proc/self/cgroup": "0::/pod/container\n",
        "/sys/fs/cgroup/pod/cpu.max": "100000 100000\n",
        "/sys/fs/cgroup/pod/container/cpu.max": "max 100000\n",
    }
    assert threads(tmp_path, texts) == "1"


@needs_two
def test_first_version_of_control_groups_is_read_where_only_the_own_group_is_seen(tmp_path: Path) -> None:
    texts = {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "100000\n", "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n"}
    assert threads(tmp_path, {**ONE, **texts}) == "1"
    assert threads(tmp_path, {**ONE, **texts, "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n"}) is None


def test_what_somebody_set_is_kept(tmp_path: Path) -> None:
    texts = {**TWO, "/sys/fs/cgroup/cpu.max": "100000 100000\n"}
    assert threads(tmp_path, texts, OMP_NUM_THREADS="7") == "7"


@pytest.mark.parametrize("text", ["", "garbage", "1 0\n", "x y z\n"])
def test_machine_without_a_quota_or_with_unknown_words_changes_nothing(text: str, tmp_path: Path) -> None:
    assert threads(tmp_path, {**TWO, "/sys/fs/cgroup/cpu.max": text}) is None
    assert threads(tmp_path / "nothing", {}) is None
