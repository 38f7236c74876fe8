"""`envkit detect`: what this machine has."""

from pathlib import Path

import msgspec

from envkit.cli.hostfile import live_facts, read_host, replay_host
from envkit.cli.output import Output
from envkit.detect.present import describe_host
from envkit.detect.recorded import record_host, shown_facts
from envkit.errors import UsageError
from envkit.model.host import HostFacts
from envkit.model.value import to_json
from envkit.system.directories import data_directory
from envkit.system.files import write_atomically
from envkit.system.live import LiveHost


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which machine is to be shown, and how."""

    as_json: bool = False
    record: str | None = None
    replay: str | None = None
    host: str | None = None
    fresh: bool = False


def show_host(output: Output, wanted: Wanted) -> int:
    """Print the facts of this machine, or of a recorded one; with `record`, record this machine too."""
    given = [
        flag
        for flag, value in (("--record", wanted.record), ("--replay", wanted.replay), ("--host", wanted.host))
        if value is not None
    ]
    if len(given) > 1:
        raise UsageError(f"these options each name another machine, give one of them: {', '.join(given)}")
    if wanted.fresh and (wanted.replay or wanted.host):
        raise UsageError("`--fresh` asks this machine's tools anew, and another machine is to be shown")
    if wanted.record is not None:
        return _record(output, wanted.record, as_json=wanted.as_json)
    output.data(_shown(_facts(wanted), as_json=wanted.as_json))
    return 0


def _facts(wanted: Wanted) -> HostFacts:
    if wanted.replay is not None:
        return replay_host(wanted.replay)
    if wanted.host is not None:
        return read_host(wanted.host)
    return shown_facts(LiveHost(), live_facts(fresh=wanted.fresh))


def _record(output: Output, path: str, *, as_json: bool) -> int:
    if not path:
        raise UsageError("`--record` takes the name of a file; it was given an empty one")
    recorded = record_host(LiveHost(), data_directory=str(data_directory()))
    write_atomically(Path(path), to_json(recorded.document()), mode=0o644)
    output.line(f"recorded without serials, user or host name: {path}")
    if recorded.left:
        names = ", ".join(f"`{name}`" for name in recorded.left)
        output.line(f"warning: part of the facts as well, and therefore left in the recording: {names}")
    if as_json:
        output.data(_shown(recorded.facts, as_json=True))
    return 0


def _shown(facts: HostFacts, *, as_json: bool) -> str:
    return to_json(facts) if as_json else describe_host(facts)
