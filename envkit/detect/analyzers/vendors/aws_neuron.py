"""AWS Neuron: a driver without its tools."""

from envkit.detect.findings import make_finding
from envkit.detect.situation import Situation
from envkit.model.host import Finding

_VENDOR = "aws-neuron"
_TOOL = "/opt/aws/neuron/bin/neuron-ls"


def tools_missing(situation: Situation) -> tuple[Finding, ...]:
    """Report a host whose driver serves the chips and that lacks neuron-ls; containers do not bring the tools."""
    served = [fact for fact, device in situation.devices(_VENDOR) if device.kernel_driver == "neuron"]
    host = situation.host
    if not served or situation.contained or host.which("neuron-ls") or host.exists(_TOOL) is not False:
        return ()
    evidence = f"the module neuron is bound; neuron-ls is not on the search path and {_TOOL} does not exist"
    return (make_finding("neuron-tools-missing", situation.stack(_VENDOR), evidence, system=situation.system),)


ANALYZERS = (tools_missing,)
