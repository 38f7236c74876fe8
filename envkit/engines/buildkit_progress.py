"""The stream that `docker buildx build --progress=rawjson` writes: steps, transfers and output, as JSON objects.

Format: `SolveStatus` of https://github.com/moby/buildkit/blob/master/client/graph.go
"""

import re
from collections import deque

import msgspec

from envkit.engines.protocol import Progress
from envkit.model.text import strip_controls

SHOWN_LINES = 30
_MOUNT_FLAGS = re.compile(r"--(?:mount|link|from|network)(?:=\S+)?\s+")
_SHOWN_NAME = 100  # characters
# BuildKit stops the other steps when one has failed.
_STOPPED = "context canceled"


class _Vertex(msgspec.Struct, frozen=True):
    digest: str
    name: str = ""
    started: str | None = None
    completed: str | None = None
    cached: bool = False
    error: str = ""


class _Status(msgspec.Struct, frozen=True):
    id: str
    vertex: str = ""
    current: int = 0
    total: int = 0
    completed: str | None = None


class _Log(msgspec.Struct, frozen=True):
    vertex: str
    data: bytes = b""


class _SolveStatus(msgspec.Struct, frozen=True):
    vertexes: tuple[_Vertex, ...] | None = None
    statuses: tuple[_Status, ...] | None = None
    logs: tuple[_Log, ...] | None = None


class _Step(msgspec.Struct):
    """What has been seen of one step."""

    number: int
    name: str
    started: bool = False
    ended: bool = False
    error: str = ""
    partial: bytes = b""
    tail: deque[str] = msgspec.field(default_factory=lambda: deque(maxlen=SHOWN_LINES))


class Update(msgspec.Struct, frozen=True):
    """What one line of the stream brought."""

    lines: tuple[str, ...] = ()  # for the log
    progress: tuple[Progress, ...] = ()  # for the user


class Failure(msgspec.Struct, frozen=True):
    """Why a build failed; `step` is None when it failed outside of any step."""

    step: str | None
    lines: tuple[str, ...]  # the last ones that the step, or else the builder, wrote


class BuildStream:
    """Reads the stream line by line; objects may take one line or many, and other lines may stand between them."""

    def __init__(self) -> None:
        self._steps: dict[str, _Step] = {}
        self._object: list[str] = []
        self._messages: deque[str] = deque(maxlen=SHOWN_LINES)

    def feed(self, line: str) -> Update:
        """Take one line."""
        if not self._object and not line.startswith("{"):
            return self._message(line)
        self._object.append(line)
        if not line.endswith("}") or (len(self._object) > 1 and line != "}"):
            return Update()
        text, self._object = "\n".join(self._object), []
        try:
            status = msgspec.json.decode(text, type=_SolveStatus)
        except msgspec.DecodeError:
            return self._message(text)
        return self._read(status)

    def failure(self) -> Failure:
        """Return the step that failed with its last lines, or else what the builder said."""
        failed = [step for step in self._steps.values() if step.error]
        failed.sort(key=lambda step: _STOPPED in step.error)
        if not failed:
            return Failure(step=None, lines=tuple(self._messages))
        return Failure(
            step=_shown(failed[0].name), lines=(*failed[0].tail, strip_controls(failed[0].error))[-SHOWN_LINES:]
        )

    def _message(self, text: str) -> Update:
        lines = tuple(strip_controls(line) for line in text.splitlines() if line.strip())
        self._messages.extend(lines)
        return Update(lines=lines)

    def _read(self, status: _SolveStatus) -> Update:
        lines: list[str] = []
        progress: list[Progress] = []
        for vertex in status.vertexes or ():
            self._read_vertex(vertex, lines, progress)
        for transfer in status.statuses or ():
            step = self._steps.get(transfer.vertex)
            if step is not None and transfer.total > 0:
                finished = transfer.completed is not None
                text = f"{_shown(step.name)}: {_shown(transfer.id)}"
                progress.append(Progress(text=text, done=transfer.current, total=transfer.total, finished=finished))
        for log in status.logs or ():
            step = self._steps.get(log.vertex)
            if step is not None:
                lines += self._read_output(step, log.data)
        return Update(lines=tuple(lines), progress=tuple(progress))

    def _read_vertex(self, vertex: _Vertex, lines: list[str], progress: list[Progress]) -> None:
        number = len(self._steps) + 1
        step = self._steps.setdefault(vertex.digest, _Step(number=number, name=strip_controls(vertex.name)))
        if vertex.started is not None and not step.started:
            step.started = True
            lines.append(f"#{step.number} {step.name}")
            progress += _reported(step, finished=False)
        if vertex.completed is not None and not step.ended:
            step.ended = True
            step.error = vertex.error
            lines += self._read_output(step, b"\n" if step.partial else b"")
            lines.append(f"#{step.number} {_outcome(vertex)}")
            progress += _reported(step, finished=True)

    def _read_output(self, step: _Step, output: bytes) -> list[str]:
        *whole, step.partial = (step.partial + output).split(b"\n")
        # Of a line that was drawn over, as progress bars do, the last state counts.
        texts = [strip_controls(line.decode(errors="replace").rstrip("\r").rpartition("\r")[2]) for line in whole]
        step.tail.extend(texts)
        return [f"#{step.number} {text}" for text in texts]


def _reported(step: _Step, *, finished: bool) -> list[Progress]:
    # The builder's own errands take no time worth showing; the log has them.
    return [] if step.name.startswith("[internal]") else [Progress(text=_shown(step.name), finished=finished)]


def _outcome(vertex: _Vertex) -> str:
    if vertex.error:
        return f"ERROR: {strip_controls(vertex.error)}"
    return "cached" if vertex.cached else "done"


def _shown(name: str) -> str:
    short = _MOUNT_FLAGS.sub("", name)
    return short if len(short) <= _SHOWN_NAME else f"{short[: _SHOWN_NAME - 1]}…"
