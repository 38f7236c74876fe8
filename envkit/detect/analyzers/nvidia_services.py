"""NVIDIA: what must run or lie beside the driver."""

import re

from envkit.detect.facts import PciDevice
from envkit.detect.findings import make_finding
from envkit.detect.models import known_vendor
from envkit.detect.situation import Situation
from envkit.model.host import Device, Finding
from envkit.system.command import Command

_VENDOR = "nvidia"
_DEVICE_FLAG = "--device nvidia.com/gpu=all"
_SECONDS = 10.0
_UVM_NODE = "/dev/nvidia-uvm"
_UVM_MODULE = "/sys/module/nvidia_uvm"
_NODE_MAKER = "nvidia-modprobe"
_NODE_MAKER_PLACES = ("/usr/bin/nvidia-modprobe", "/bin/nvidia-modprobe")
_MANAGER = "nv-fabricmanager"
_MANAGER_PLACES = ("/usr/bin/nv-fabricmanager", "/usr/local/bin/nv-fabricmanager")
# Control groups of versions 2 and 1, and the file that the service writes.
_MANAGER_SIGNS = (
    "/sys/fs/cgroup/system.slice/nvidia-fabricmanager.service",
    "/sys/fs/cgroup/systemd/system.slice/nvidia-fabricmanager.service",
    "/run/nvidia-fabricmanager/nv-fabricmanager.pid",
)
_MANAGER_VERSION = re.compile(r"Fabric Manager version is\s*:\s*(?P<version>\d[\d.]*\d)")
_PASSTHROUGH = "vfio-pci"
_PCI_VENDOR = "10de"
_BRIDGE = "0680"
# What virtual cards are called: GRID T4-16Q, NVIDIA A100-4C, NVIDIA A100-1-5CME.
_VIRTUAL = re.compile(r"-\d+[ABCQ](?:ME)?$|^GRID ")
_LICENSE = re.compile(r"^\s*License Status\s*:\s*(?P<status>\S.*?)\s*$", re.MULTILINE)
_TOKENS = "/etc/nvidia/ClientConfigToken"


def check_fabric_manager(situation: Situation) -> tuple[Finding, ...]:
    """Return what is wrong with the service that sets up NVSwitches: without it CUDA fails on every device.

    Sources, in order: 1. switches on the bus; 2. the service's control group and process file, or its process; 3. what
    the program says of its version, which has to be the driver's exactly.
    """
    switches = _switches(situation)
    serving = [device for _, device in situation.devices(_VENDOR) if device.kernel_driver == _VENDOR]
    stack = situation.facts.stack(_VENDOR)
    # In a container the service of its host cannot be seen.
    if not switches or not serving or situation.contained or stack is None or stack.driver is None:
        return ()
    running = _manager_runs(situation)
    seen = f"{len(switches)} NVSwitches on the bus ({switches[0].pci_id})"
    if running is False:
        evidence = f"{seen}, and nvidia-fabricmanager does not run"
        return (_about_manager(situation, "fabric-manager-missing", evidence, stack.driver),)
    told = _manager_version(situation) if running else None
    if told is None or told == stack.driver:
        return ()
    evidence = f"{seen}; {_MANAGER} is {told}, the driver {stack.driver}"
    return (_about_manager(situation, "fabric-manager-version", evidence, stack.driver),)


def _about_manager(situation: Situation, name: str, evidence: str, driver: str) -> Finding:
    branch = driver.partition(".")[0]
    fact = situation.stack(_VENDOR)
    return make_finding(name, fact, evidence, system=situation.system, driver=driver, branch=branch)


def _switches(situation: Situation) -> list[PciDevice]:
    bridges = [card for card in situation.pci or () if card.device_class == _BRIDGE and card.driver != _PASSTHROUGH]
    # The table is loaded where there is something to look up: other boards have bridges of the same maker.
    table = known_vendor(_VENDOR) if any(card.vendor == _PCI_VENDOR for card in bridges) else None
    return [card for card in bridges if table is not None and card.pci_id in table.fabric_switches]


def _manager_runs(situation: Situation) -> bool | None:
    signs = [situation.host.exists(path) for path in _MANAGER_SIGNS]
    if any(signs):
        return True
    if None in signs:
        return None
    # It may run in a container of its own. The kernel cuts names of processes after 15 letters.
    processes = [name for name in situation.host.names("/proc") or () if name.isdigit()]
    names = ((situation.host.read(f"/proc/{number}/comm").text or "").strip() for number in processes)
    return any(name and _MANAGER.startswith(name) and len(name) > len("nv-fabric") for name in names)


def _manager_version(situation: Situation) -> str | None:
    host = situation.host
    program = host.which(_MANAGER) or next((path for path in _MANAGER_PLACES if host.exists(path)), None)
    if program is None:
        return None
    printed = host.run(Command(argv=(program, "--version"), timeout_seconds=_SECONDS, stable=True))
    match = _MANAGER_VERSION.search(printed.stdout)
    return None if match is None else match["version"]


def check_virtual_card(situation: Situation) -> tuple[Finding, ...]:
    """Return that a virtual card has no licence; nvidia-smi is only asked where a device is named as one.

    vGPU Software Licensed Product
        License Status                    : Unlicensed (Unrestricted)
    """
    virtual = [(fact, device) for fact, device in situation.devices(_VENDOR) if _VIRTUAL.search(device.name or "")]
    tool = situation.host.which("nvidia-smi")
    if not virtual or tool is None:
        return ()
    printed = situation.host.run(Command(argv=(tool, "-q"), timeout_seconds=_SECONDS))
    stated = [match["status"] for match in _LICENSE.finditer(printed.stdout)]
    unlicensed = next((status for status in stated if status.startswith("Unlicensed")), None)
    if unlicensed is None:
        return ()
    token = f"; {_TOKENS} holds no token" if situation.host.names(_TOKENS) == () else ""
    fact, device = virtual[0]
    evidence = f"nvidia-smi -q: License Status is {unlicensed} ({device.name}){token}"
    return (make_finding("vgpu-unlicensed", fact, evidence, system=situation.system),)


def check_unified_memory(situation: Situation) -> tuple[Finding, ...]:
    """Return that the module which CUDA needs for memory is not there, where nothing would load it when needed."""
    host = situation.host
    devices = [(fact, device) for fact, device in situation.devices(_VENDOR) if _is_served(situation, fact, device)]
    if not devices or host.exists(_UVM_NODE) is not False:
        return ()
    if situation.contained:
        capabilities = host.variable("NVIDIA_DRIVER_CAPABILITIES")
        only = "" if capabilities is None else f" (NVIDIA_DRIVER_CAPABILITIES={capabilities})"
        evidence = f"{_UVM_NODE} does not exist, while NVML answers{only}"
        return tuple(
            make_finding("container-without-devices", fact, evidence, system=situation.system, device_flag=_DEVICE_FLAG)
            for fact, _ in devices
        )
    # CUDA starts this program, which belongs to root, to load the module and make its node.
    if host.which(_NODE_MAKER) is not None or any(host.exists(path) is not False for path in _NODE_MAKER_PLACES):
        return ()
    loaded = host.exists(_UVM_MODULE)
    state = "loaded" if loaded else "not loaded"
    evidence = f"{_UVM_NODE} does not exist, nvidia_uvm is {state} and {_NODE_MAKER} is not installed"
    return (make_finding("uvm-missing", situation.stack(_VENDOR), evidence, system=situation.system),)


def check_nodes(situation: Situation) -> tuple[Finding, ...]:
    """Return that the driver took a device and nothing made its nodes, as on a server that nobody has used yet."""
    if situation.contained:
        return ()
    found = []
    for fact, device in situation.devices(_VENDOR):
        silent = device.kernel_driver == _VENDOR and device.usable is None
        if silent and not situation.found_at(fact):
            nodes = ("/dev/nvidiactl", *(device.nodes or ()))
            missing = next((node for node in nodes if situation.host.exists(node) is False), None)
            if missing is not None:
                evidence = f"the driver is bound to {device.pci_address} and {missing} does not exist"
                found.append(make_finding("device-nodes-missing", fact, evidence, system=situation.system))
    return tuple(found)


def _is_served(situation: Situation, fact: str, device: Device) -> bool:
    return device.kernel_driver == _VENDOR and device.usable is True and not situation.found_at(fact)


ANALYZERS = (check_fabric_manager, check_virtual_card, check_unified_memory, check_nodes)
