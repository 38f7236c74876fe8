"""A diagnosis, `envkit-diagnosis/1`: what was checked on a host, what was seen, and what is wrong."""

from enum import StrEnum

from envkit.model.host import Finding
from envkit.model.value import Value


class Verdict(StrEnum):
    """How a check ended; `unknown`: what it needs could not be read."""

    OK = "ok"
    UNKNOWN = "unknown"
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


class Check(Value):
    """One thing that was looked at."""

    id: str  # docker-socket
    group: str  # engine
    verdict: Verdict
    seen: str
    source: str | None = None  # where it was read; None: nothing here needs looking at


class Diagnosis(Value, tag_field="format", tag="envkit-diagnosis/1"):
    """All checks of a host, and the findings behind those that did not end well."""

    verdict: Verdict  # the worst of the checks; what is unknown does not count
    checks: tuple[Check, ...]
    findings: tuple[Finding, ...] = ()
