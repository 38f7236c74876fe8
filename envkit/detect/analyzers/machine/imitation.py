"""A tool that bears NVIDIA's name and is another vendor's."""

from envkit.detect.findings import make_finding
from envkit.detect.situation import Situation
from envkit.model.host import Finding
from envkit.system.command import Command

_NVIDIA = "nvidia"
_TOOL = "nvidia-smi"
_SECONDS = 10.0


def imitated_tool(situation: Situation) -> tuple[Finding, ...]:
    """Report a nvidia-smi that lists devices on a host that has those of another vendor and none of NVIDIA's."""
    facts = situation.facts
    present = [device for device in facts.devices or () if device.usable is not False]
    known = {device.vendor for device in facts.devices or ()} | {stack.vendor for stack in facts.stacks or ()}
    if not present or _NVIDIA in known or situation.host.which(_TOOL) is None:
        return ()
    completed = situation.host.run(Command(argv=(_TOOL, "-L"), timeout_seconds=_SECONDS, stable=True))
    listed = completed.stdout.strip().partition("\n")[0]
    if not completed.ok or not listed:
        return ()
    evidence = f"`{_TOOL} -L` lists `{listed}`, and the host has no NVIDIA device"
    fact = situation.stack(present[0].vendor)
    return (make_finding("imitated-nvidia", fact, evidence, system=situation.system, vendor=present[0].vendor),)


ANALYZERS = (imitated_tool,)
