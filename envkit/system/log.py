"""Full logs of commands under `$XDG_STATE_HOME/envkit/log`, readable by their owner alone, the last twenty kept."""

import os
from datetime import UTC, datetime

from envkit.errors import StorageError

KEPT_LOGS = 20


def new_log(directory: str, command: str) -> str:
    """Make the empty log of one command and drop the oldest ones; raises `StorageError` when there is no place for it."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    path = os.path.join(directory, f"{stamp}-{command}-{os.getpid()}.log")
    try:
        os.makedirs(directory, exist_ok=True, mode=0o700)
        logs = sorted(name for name in os.listdir(directory) if name.endswith(".log"))
        for name in logs[: max(0, len(logs) - KEPT_LOGS + 1)]:
            os.unlink(os.path.join(directory, name))
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
    except OSError as error:
        message = f"cannot write the log ({(error.strerror or str(error)).lower()}): {path}"
        raise StorageError(message, hints=("export XDG_STATE_HOME=/a/directory/with/space",)) from error
    return path
