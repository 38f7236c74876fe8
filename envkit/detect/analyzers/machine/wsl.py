"""A device that Windows lends to WSL and of which nothing says whose it is."""

from envkit.detect.findings import make_finding
from envkit.detect.situation import Situation
from envkit.model.host import Finding

_NODE = "/dev/dxg"
_LIBRARIES = "/usr/lib/wsl/lib"
_DRIVERS = "/usr/lib/wsl/drivers"
# Folders of the driver store of Windows, by the name of their setup file: nv_dispi.inf_amd64_….
_NVIDIA_DRIVER = "nv"


def explain_lent_device(situation: Situation) -> tuple[Finding, ...]:
    """Return what is known of a graphics device of Windows that no vendor's detector could name."""
    system = situation.system
    if system is None or not system.wsl or situation.contained or situation.facts.devices or situation.facts.stacks:
        return ()
    drivers = situation.host.names(_DRIVERS)
    if situation.host.exists(_NODE) is not True or drivers is None:
        return ()
    ours = next((name for name in drivers if name.startswith(_NVIDIA_DRIVER) and ".inf_" in name), None)
    if ours is not None:
        evidence = f"{_DRIVERS}/{ours} exists, and {_LIBRARIES} has no libcuda.so.1"
        return (make_finding("wsl-libraries-missing", "os.wsl", evidence, system=system),)
    evidence = f"{_NODE} exists, and {_LIBRARIES} has the library of no vendor that envkit knows there"
    return (make_finding("wsl-device-unknown", "os.wsl", evidence, system=system),)


ANALYZERS = (explain_lent_device,)
