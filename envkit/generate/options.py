"""How an output is written, beside what its plan says.

A format that heeds options names them in `OPTIONS` and takes `Options` after the plan; the others are asked for none.
"""

from enum import StrEnum

import msgspec

from envkit.errors import UsageError
from envkit.model.pipelines import PipelineTools
from envkit.model.value import Value

_DATA = "pipelines"


class Dialect(StrEnum):
    """What a generated Dockerfile may use: all that BuildKit understands, or what every builder does."""

    BUILDKIT = "buildkit"
    PORTABLE = "portable"


class Kind(StrEnum):
    """What is made in a cluster: a run of the proof, one container, or a service that is kept running."""

    JOB = "job"
    POD = "pod"
    DEPLOYMENT = "deployment"


class Options(Value):
    """The options of all formats, each with what is usual."""

    dialect: Dialect = Dialect.BUILDKIT
    image: str | None = None  # where others find the image: registry.example.com/team/demo:1; None: not pushed
    kind: Kind = Kind.JOB
    pipelines: PipelineTools | None = None  # what pipelines run on and with; no option of a command


def check_options(options: Options, heeded: tuple[str, ...], output: str) -> None:
    """Raise `UsageError` for an option that was changed and that the format does not heed."""
    usual = msgspec.structs.asdict(Options())
    for name, value in msgspec.structs.asdict(options).items():
        if name != _DATA and value != usual[name] and name not in heeded:
            message = f"the format has no `--{name}`: `{output}`"
            raise UsageError(message, hints=(f"the same command without `--{name} {value}`",))
