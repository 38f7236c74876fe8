"""`envkit detect`: what this machine has."""

from pathlib import Path

from envkit.cli.hostfile import live_facts, read_host
from envkit.cli.output import Output
from envkit.detect.present import describe_host
from envkit.detect.redact import redact
from envkit.errors import UsageError
from envkit.model.value import to_json
from envkit.system.files import write_atomically


def show_host(output: Output, *, as_json: bool, record: str | None, host: str | None) -> int:
    """Print the facts of this machine, or of a recorded one, or record them."""
    if record is not None and host is not None:
        raise UsageError("`--record` records this machine and cannot be used with `--host`")
    if record == "":
        raise UsageError("`--record` takes the name of a file; it was given an empty one")
    facts = live_facts() if host is None else read_host(host)
    if record is not None:
        write_atomically(Path(record), to_json(redact(facts)), mode=0o644)
        output.line(f"recorded without serials, user or host name: {record}")
        return 0
    output.data(to_json(facts) if as_json else describe_host(facts))
    return 0
