"""`envkit doctor`: what is wrong on this machine, and what mends it."""

import os
from datetime import UTC, datetime
from pathlib import Path

from envkit.cli.hostfile import live_facts, read_host
from envkit.cli.output import Output
from envkit.diagnose import diagnose_host
from envkit.diagnose.present import describe_diagnosis
from envkit.errors import ExitStatus
from envkit.model.diagnosis import Verdict
from envkit.model.value import to_json
from envkit.system.live import LiveHost
from envkit.system.replay import FolderHost

_STATUS = {Verdict.ERROR: ExitStatus.NOT_READY, Verdict.WARNING: ExitStatus.CHANGES}


def show_diagnosis(output: Output, *, as_json: bool, host: str | None) -> int:
    """Print the diagnosis of this machine, or of the facts in a file, and return its exit status."""
    today = datetime.now(UTC).date()
    if host is None:
        facts = live_facts(fresh=True)
        diagnosis = diagnose_host(LiveHost(), facts, today=today)
    else:
        facts = read_host(host)
        # A recording that holds nothing: only the facts are known.
        diagnosis = diagnose_host(FolderHost(Path(os.devnull)), facts, today=today)
    output.data(to_json(diagnosis) if as_json else describe_diagnosis(diagnosis, facts, verbose=output.verbose))
    return int(_STATUS.get(diagnosis.verdict, ExitStatus.OK))
