"""What a check is given, and what it answers."""

from collections.abc import Callable
from datetime import date
from functools import cached_property
from typing import NamedTuple

from envkit.data import load_thresholds
from envkit.detect.findings import make_finding
from envkit.diagnose.daemon import Daemon, ask_daemon
from envkit.diagnose.offers import DEFAULT_FOLDERS, Specification, read_specifications
from envkit.model.host import ContainerEngine, Device, Finding, HostFacts, OperatingSystem, Severity
from envkit.model.knowledge import Threshold, Thresholds, Toolkit
from envkit.system.host import Host


class Answer(NamedTuple):
    """What a check saw, and what is wrong with it; `known` is False where it could not see.

    `source` is where it looked; None: nothing here needs looking at.
    """

    seen: str
    source: str | None = None
    findings: tuple[Finding, ...] = ()
    known: bool = True


def unknown(reason: str, source: str | None = None) -> Answer:
    """Return the answer of a check that could not see what it looks at."""
    return Answer(reason, source, known=False)


class Examination:
    """A host and what is known about it; what several checks need is read once."""

    def __init__(self, host: Host, facts: HostFacts, today: date | None = None) -> None:
        self.host = host
        self.facts = facts
        self.today = today  # by the clock of whoever asks, which a recorded host has not

    @property
    def system(self) -> OperatingSystem | None:
        """Return the operating system."""
        return self.facts.os

    @property
    def contained(self) -> bool:
        """Tell whether this is known to be inside a container."""
        return self.facts.os is not None and self.facts.os.container is not None

    @property
    def on_linux(self) -> bool:
        """Tell whether this is known to be Linux."""
        return self.facts.os is not None and self.facts.os.system == "linux"

    @property
    def environment_known(self) -> bool:
        """Tell whether the environment of a user is known: on a machine that answers, the search path is set."""
        return self.host.variable("PATH") is not None

    @property
    def accelerators(self) -> tuple[Device, ...]:
        """Return the devices that work, as far as is known; partitions are left out."""
        return tuple(
            device
            for device in self.facts.devices or ()
            if device.partition_of is None and device.usable is not False and device.vendor != "cpu"
        )

    def engine(self, name: str) -> tuple[str, ContainerEngine] | None:
        """Return an engine with the path of its fact, `engines[0]`, or None where it is not there or not known."""
        found = ((f"engines[{place}]", engine) for place, engine in enumerate(self.facts.engines or ()))
        return next(((fact, engine) for fact, engine in found if engine.name == name), None)

    @cached_property
    def answer(self) -> Daemon | None:
        """Return what the daemon behind Docker's local socket says of itself, or None where none answers."""
        found = self.engine("docker")
        if found is None or not found[1].usable or not (found[1].endpoint or "").startswith("unix://"):
            return None
        return ask_daemon(self.host, found[1])

    @cached_property
    def daemon(self) -> Daemon | None:
        """Return what Docker's daemon says of itself where it runs on this machine, or None.

        Behind a local socket may be a virtual machine, and a container may have the socket of its host's daemon: the
        folder of that one is not here.
        """
        found = self.engine("docker")
        if self.answer is None or self.answer.desktop or found is None or found[1].elsewhere:
            return None
        outside = self.contained and not self.host.exists(self.answer.root or "")
        return None if outside else self.answer

    @property
    def docker(self) -> ContainerEngine | None:
        """Return the Docker Engine where it can be used and runs on this machine."""
        found = self.engine("docker")
        return None if found is None or self.daemon is None else found[1]

    @cached_property
    def specifications(self) -> tuple[Specification, ...]:
        """Return the CDI specifications in the usual folders and in those that Docker reads."""
        return read_specifications(self.host, self.specification_folders)

    @property
    def specification_folders(self) -> tuple[str, ...]:
        """Return the folders in which specifications are looked for."""
        read = () if self.daemon is None else self.daemon.spec_folders or ()
        return tuple(dict.fromkeys((*read, *DEFAULT_FOLDERS)))

    @cached_property
    def thresholds(self) -> Thresholds:
        """Return what hosts are measured by."""
        return load_thresholds()

    def toolkit(self, vendor: str) -> Toolkit | None:
        """Return what gives containers the devices of a vendor, or None where no toolkit is known."""
        return next((row for row in self.thresholds.toolkits if row.vendor == vendor), None)

    def threshold(self, name: str) -> Threshold:
        """Return one amount that hosts are measured by."""
        return next(row for row in self.thresholds.thresholds if row.id == name)

    def finding(
        self,
        name: str,
        fact: str,
        evidence: str,
        *,
        severity: Severity | None = None,
        remedies: tuple[str, ...] | None = None,
        **values: str,
    ) -> tuple[Finding, ...]:
        """Return a finding of `envkit/data/findings`, or nothing where detection has made it already."""
        if any(finding.id == name for finding in self.facts.findings):
            return ()
        made = make_finding(name, fact, evidence, system=self.system, severity=severity, remedies=remedies, **values)
        return (made,)


Examine = Callable[[Examination], Answer]


def severity_below(threshold: Threshold, amount: float) -> Severity | None:
    """Return how bad an amount is that may be too small, or None where it is enough."""
    if threshold.error is not None and amount < threshold.error:
        return Severity.ERROR
    return Severity.WARNING if threshold.warning is not None and amount < threshold.warning else None
