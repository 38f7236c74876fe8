"""Decoding in threads."""

import subprocess
import sys

# A crash of the interpreter is the failure, so it happens in a process of its own.
PROGRAM = """
import sys, threading
from concurrent.futures import ThreadPoolExecutor
import msgspec
from envkit.detect.decoding import decode_json

sys.setswitchinterval(1e-6)
for _ in range(100):
    class Inner(msgspec.Struct):
        x: int = 0
        y: str | None = None
    class Outer(msgspec.Struct):
        rows: tuple[Inner, ...] = ()
        named: dict[str, Inner] = {}
    start = threading.Barrier(8)
    def decode(_):
        start.wait()
        return decode_json('{"rows": [{"x": 1}], "named": {"a": {"y": "z"}}}', Outer)
    with ThreadPoolExecutor(8) as workers:
        assert {found.named["a"].y for found in workers.map(decode, range(8))} == {"z"}
"""


def test_types_that_several_threads_decode_first_do_not_crash() -> None:
    ended = subprocess.run([sys.executable, "-c", PROGRAM], check=False, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
