"""What podman, buildah and the classic builder print: a line for each step, and below it what the step says."""

import re
from collections import deque

from envkit.engines.buildkit_progress import SHOWN_LINES, Failure
from envkit.engines.protocol import Progress
from envkit.model.text import strip_controls

# buildah: `[2/3] STEP 4/9: RUN [...]` with several stages; the classic builder: `Step 4/9 : RUN [...]`
_STEP = re.compile(r"^(?:\[\d+/\d+\] )?step (\d+/\d+) ?: (.*)$", re.IGNORECASE)
_SHOWN_NAME = 100  # characters


class StepLines:
    """Reads such lines one by one."""

    def __init__(self) -> None:
        self._step: str | None = None
        self._tail: deque[str] = deque(maxlen=SHOWN_LINES)

    def feed(self, line: str) -> tuple[Progress, ...]:
        """Take one line and return what it says of the steps."""
        plain = strip_controls(line.rpartition("\r")[2] or line)
        found = _STEP.match(plain)
        if found is None:
            if plain.strip():
                self._tail.append(plain)
            return ()
        ended = self.end()
        name = found[2]
        self._step = f"[{found[1]}] {name if len(name) <= _SHOWN_NAME else f'{name[: _SHOWN_NAME - 1]}…'}"
        self._tail.clear()
        return (*ended, Progress(text=self._step))

    def end(self) -> tuple[Progress, ...]:
        """Return what is to be said when the last step has ended."""
        return () if self._step is None else (Progress(text=self._step, finished=True),)

    def failure(self) -> Failure:
        """Return the step that failed, which is the last one, with its last lines."""
        return Failure(step=self._step, lines=tuple(self._tail))
