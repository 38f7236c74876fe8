"""Intel's NPUs: a kernel before their time."""

from envkit.detect.analyzers.kernels import older_kernel
from envkit.detect.situation import Situation
from envkit.model.host import Finding


def kernel_too_old(situation: Situation) -> tuple[Finding, ...]:
    """Report an NPU that no driver serves because the kernel is older than it is."""
    return older_kernel(situation, "intel-npu")


ANALYZERS = (kernel_too_old,)
