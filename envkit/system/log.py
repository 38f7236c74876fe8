"""Full logs of commands under `$XDG_STATE_HOME/envkit/log`, readable by their owner alone, the last twenty kept."""

import os
from datetime import UTC, datetime
from pathlib import Path

from envkit.system.directories import ensure_directory, storage_error

KEPT_LOGS = 20


def new_log(directory: Path, command: str) -> Path:
    """Make the empty log of one command and drop the oldest ones; raises `StorageError`."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    path = ensure_directory(directory) / f"{stamp}-{command}-{os.getpid()}.log"
    try:
        logs = sorted(directory.glob("*.log"))
        for old in logs[: max(0, len(logs) - KEPT_LOGS + 1)]:
            old.unlink(missing_ok=True)
        path.touch(mode=0o600)
    except OSError as error:
        raise storage_error(error, path, "cannot write the log") from error
    return path
