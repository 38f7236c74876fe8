"""Host facts for people: one screen that can be pasted into a report."""

import textwrap
from itertools import groupby

import msgspec

from envkit.model.host import ContainerEngine, Device, Finding, HostFacts, Libc, Mask, Stack

_WIDTH = 100
_LABEL = 9  # width of the first column
_UNKNOWN = "unknown"
_TIMES = "\N{MULTIPLICATION SIGN}"


def describe_host(facts: HostFacts) -> str:
    """Return the facts as plain lines of at most 100 columns; what is not known is said to be unknown."""
    lines = [
        *_machine(facts),
        *_several("masks", tuple(_mask(mask, facts) for mask in facts.masks)),
        *_several("engines", _none_or(facts.engines, tuple(map(_engine, facts.engines or ())))),
        *_line("pythons", _pythons(facts)),
        *_troubles(facts),
    ]
    for engine in facts.engines or ():
        if engine.elsewhere:
            lines += ["", *_daemon_host(engine)]
    return "\n".join(lines) + "\n"


def headline_elsewhere(engine: ContainerEngine) -> str:
    """Return the sentence that says which machine counts for the containers of a daemon elsewhere."""
    return f"{engine.name}'s daemon runs on another machine ({engine.endpoint}): its devices count for containers"


def _machine(facts: HostFacts) -> list[str]:
    return [
        *_line("os", _system(facts)),
        *_line("cpu", _processor(facts)),
        *_line("memory", f"{_size(facts.memory_mib)}, disk free {_size(facts.disk_free_mib)}"),
        *_several("devices", _devices(facts)),
        *_several("drivers", tuple(map(_stack, facts.stacks or ()))),
    ]


def _daemon_host(engine: ContainerEngine) -> list[str]:
    there = engine.host or HostFacts()
    headline = textwrap.wrap(headline_elsewhere(engine), _WIDTH, break_on_hyphens=False)
    if there.os is None and there.devices is None:
        reasons = "".join(f": {gap.reason}" for gap in there.gaps[:1])
        return [*headline, *_line("", f"nothing is known of it{reasons}")]
    return [*headline, *_machine(there), *_troubles(there)]


def _troubles(facts: HostFacts) -> list[str]:
    """Return the findings, each with an empty line before it, and how much is not known."""
    lines = describe_findings(facts.findings, facts)
    if facts.gaps:
        lines += ["", f"{len(facts.gaps)} {'fact' if len(facts.gaps) == 1 else 'facts'} could not be read (see --json)"]
    return lines


def describe_findings(findings: tuple[Finding, ...], facts: HostFacts) -> list[str]:
    """Return findings as lines: an empty one, what is wrong and why, what was seen, and what mends it."""
    return [line for alike in _grouped(findings) for line in ("", *_finding(alike, facts))]


def _line(label: str, text: str) -> list[str]:
    return textwrap.wrap(
        text,
        width=_WIDTH,
        initial_indent=label.ljust(_LABEL),
        subsequent_indent=" " * _LABEL,
        break_on_hyphens=False,
    )


def _several(label: str, texts: tuple[str, ...]) -> list[str]:
    labels = (label, *("" for _ in texts[1:]))
    return [line for name, text in zip(labels, texts, strict=False) for line in _line(name, text)]


def _none_or(known: tuple[object, ...] | None, texts: tuple[str, ...]) -> tuple[str, ...]:
    if known is None:
        return (_UNKNOWN,)
    return texts or ("none",)


def _size(mib: int | None) -> str:
    if mib is None:
        return _UNKNOWN
    return f"{mib / 1024:.1f} GiB" if mib >= 1024 else f"{mib} MiB"  # noqa: PLR2004 - MiB in a GiB


def _system(facts: HostFacts) -> str:
    system = facts.os
    if system is None:
        return _UNKNOWN
    parts = [
        system.name or system.id or system.system,
        f"kernel {system.kernel or _UNKNOWN}",
        _libc(system.libc),
        *(["WSL"] if system.wsl else []),
        *([f"inside a {system.container} container"] if system.container else []),
        *(["secure boot"] if system.secure_boot else []),
    ]
    return ", ".join(parts)


def _libc(libc: Libc | None) -> str:
    return "libc unknown" if libc is None else f"{libc.family} {libc.version or _UNKNOWN}"


def _processor(facts: HostFacts) -> str:
    cpu = facts.cpu
    if cpu is None:
        return _UNKNOWN
    counts = [
        f"{count} {unit}" for count, unit in ((cpu.cores, "cores"), (cpu.threads, "threads")) if count is not None
    ]
    nodes = [f"{cpu.numa_nodes} NUMA nodes"] if cpu.numa_nodes and cpu.numa_nodes > 1 else []
    return ", ".join([cpu.model or cpu.vendor or cpu.architecture, cpu.level or cpu.architecture, *counts, *nodes])


def _devices(facts: HostFacts) -> tuple[str, ...]:
    """Return one line per kind of device: neighbours that differ only in number and address share one."""
    devices = facts.devices
    if not devices:
        return _none_or(devices, ())
    lines = []
    for _, group in groupby(devices, key=_alike):
        same = tuple(group)
        lines.append(_device(same))
    return tuple(lines)


def _alike(device: Device) -> Device:
    return msgspec.structs.replace(device, index=None, pci_address=None, nodes=None, node_groups=None)


def _device(same: tuple[Device, ...]) -> str:
    device = same[0]
    count = f"{len(same)} {_TIMES} " if len(same) > 1 else ""
    name = device.name or f"{device.vendor} device {device.pci_id or ''}".strip()
    if device.partition_of is not None and device.name is None:
        name = "partition"
    parts = [
        f"{_numbers(same)}{count}{name}",
        device.architecture or "architecture unknown",
        _size(device.memory_mib) if device.memory_mib is not None else "memory unknown",
        *([device.kernel_driver] if device.kernel_driver else []),
        {True: "usable", False: "not usable", None: "usable unknown"}[device.usable],
    ]
    return ", ".join(parts)


def _numbers(same: tuple[Device, ...]) -> str:
    numbers = [device.index for device in same if device.index is not None]
    if not numbers:
        return ""
    text = str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}"
    whole = "" if same[0].partition_of is None else f"{same[0].partition_of}/"
    return f"{same[0].vendor} {whole}{text}: "


def _stack(stack: Stack) -> str:
    parts = [f"{stack.vendor} {stack.driver or _UNKNOWN}" + (f" ({stack.driver_kind})" if stack.driver_kind else "")]
    if stack.runtime_ceiling is not None:
        parts.append(f"serves {stack.runtime_ceiling.name} up to {stack.runtime_ceiling.version}")
    if stack.runtimes:
        parts.append("installed " + " ".join(f"{runtime.name} {runtime.version}" for runtime in stack.runtimes))
    return ", ".join(parts)


def _mask(mask: Mask, facts: HostFacts) -> str:
    """Return `CUDA_VISIBLE_DEVICES=0,1 leaves nvidia 0 1 of 4`."""
    setting = f"{mask.variable}={mask.value}" if mask.value else f'{mask.variable}=""'
    if mask.container:
        return f"{setting} says what this container was given of {mask.vendor}"
    if mask.devices is None:
        return f"{setting} leaves {mask.vendor} devices that cannot be told"
    if not mask.devices:
        return f"{setting} hides all {mask.vendor} devices from frameworks"
    count = sum(device.vendor == mask.vendor and device.partition_of is None for device in facts.devices or ())
    return f"{setting} leaves {mask.vendor} {' '.join(map(str, mask.devices))} of {count}"


def _engine(engine: ContainerEngine) -> str:
    name = f"{engine.name} {engine.version or ''}".strip()
    if engine.usable is False:
        remedy = f"; try: {engine.remedy[0]}" if engine.remedy else ""
        return f"{name}, not usable: {engine.reason or _UNKNOWN}{remedy}"
    parts = [
        name,
        *([engine.builder] if engine.builder else []),
        *(["rootless"] if engine.rootless else []),
        *(["CDI " + " ".join(engine.cdi_devices) if engine.cdi_devices else "CDI"] if engine.cdi else []),
        *([f"runtimes {' '.join(engine.runtimes)}"] if engine.runtimes else []),
        "usable" if engine.usable else "usable unknown",
    ]
    return ", ".join(parts)


def _pythons(facts: HostFacts) -> str:
    if not facts.pythons:
        return _none_or(facts.pythons, ())[0]
    return ", ".join(f"{python.version} ({python.path})" for python in facts.pythons)


def _grouped(findings: tuple[Finding, ...]) -> tuple[tuple[Finding, ...], ...]:
    """Put findings together that differ only in the device, as eight cards without driver do."""
    groups: dict[object, list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.id, finding.severity, finding.cause, finding.remedy), []).append(finding)
    return tuple(map(tuple, groups.values()))


def _finding(alike: tuple[Finding, ...], facts: HostFacts) -> list[str]:
    finding = alike[0]
    places = ", ".join(_place(other.fact, facts) for other in alike)
    head = f"{finding.severity}[{finding.id}] {places}: {finding.cause}"
    seen = f"seen: {finding.evidence}"
    # A command is one line however long it is, so that it can be pasted.
    return [
        *textwrap.wrap(head, width=_WIDTH, subsequent_indent="  ", break_on_hyphens=False),
        *textwrap.wrap(seen, _WIDTH, initial_indent="  ", subsequent_indent="    ", break_on_hyphens=False),
        *(f"  try: {step}" for step in finding.remedy),
    ]


def _place(fact: str, facts: HostFacts) -> str:
    """Return `nvidia 0 architecture` for the path of a device's fact, and other paths as they are."""
    for number, device in enumerate(facts.devices or ()):
        path = f"devices[{number}]"
        if fact.startswith(path) and device.index is not None:
            return f"{device.vendor} {device.index}{fact.removeprefix(path).replace('.', ' ')}"
    return fact
