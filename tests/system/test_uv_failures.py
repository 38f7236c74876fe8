"""What uv says when it cannot write."""

from pathlib import Path

import pytest

from envkit.errors import StorageError
from envkit.system.uv import explain_failure


def test_a_full_disk_is_named_with_the_path_and_how_to_move_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    failure = explain_failure(
        "Downloading numpy (16.1MiB)\n"
        "error: Failed to download `numpy==2.5.5`\n"
        f"  Caused by: failed to copy file from /a to {tmp_path}/uv/.tmpWP7lNy: No space left on device (os error 28)\n"
    )
    assert isinstance(failure, StorageError)
    assert failure.message == f"packages could not be written (no space left on device): {tmp_path}/uv/.tmpWP7lNy"
    assert failure.hints == ("export XDG_CACHE_HOME=/a/directory/you/can/write",)
    assert failure.facts == ()


def test_a_failure_without_a_path_is_shown_as_uv_says_it() -> None:
    failure = explain_failure("error: cannot go on: Read-only file system (os error 30)\n")
    assert isinstance(failure, StorageError)
    assert failure.facts == ("cannot go on: Read-only file system",)
