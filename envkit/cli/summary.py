"""One-line summaries for the stages that `up` reports."""

from collections import Counter

from envkit.detect.present import headline_elsewhere
from envkit.model.host import Device, HostFacts, Severity

_TIMES = "\N{MULTIPLICATION SIGN}"


def summarise_host(facts: HostFacts) -> str:
    """Return the host in one line: system, processor, accelerators."""
    system = (facts.os.name or facts.os.id or facts.os.system) if facts.os is not None else "unknown system"
    processor = (facts.cpu.level or facts.cpu.architecture) if facts.cpu is not None else "unknown processor"
    return f"{system}, {processor}, {_accelerators(facts.devices)}"


def _accelerators(devices: tuple[Device, ...] | None) -> str:
    if devices is None:
        return "accelerators unknown"
    if not devices:
        return "no accelerator"
    counted = Counter(_title(device) for device in devices)
    return " + ".join(f"{count} {_TIMES} {title}" if count > 1 else title for title, count in counted.items())


def _title(device: Device) -> str:
    name = device.name or f"{device.vendor} device {device.pci_id or ''}".strip()
    return name if device.usable is not False else f"{name} (not usable)"


def describe_daemon_hosts(facts: HostFacts) -> tuple[str, ...]:
    """Return what is known of the machines of daemons that run elsewhere, and what keeps their devices from use."""
    sentences: list[str] = []
    for engine in facts.engines or ():
        if engine.elsewhere:
            there = engine.host or HostFacts()
            sentences += [f"{headline_elsewhere(engine)}: {summarise_host(there)}", *describe_problems(there)]
    return tuple(sentences)


def describe_problems(facts: HostFacts) -> tuple[str, ...]:
    """Return what keeps devices of the host from being used, with what mends it, a sentence each."""
    return tuple(
        f"{finding.cause}; try: {finding.remedy[0]}" if finding.remedy else finding.cause
        for finding in facts.findings
        if finding.severity is Severity.ERROR
    )
