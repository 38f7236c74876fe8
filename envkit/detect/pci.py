"""The PCI bus: every function with its class, ids and bound kernel module."""

import re

from envkit.detect.facts import PciDevice
from envkit.model.host import Gap
from envkit.system.command import Command
from envkit.system.host import Host

_DEVICES = "/sys/bus/pci/devices"
# Display controllers (VGA, 3D, other), processing accelerators, co-processors, and the vendors' own unassigned class.
_DISPLAY = "03"
_LSPCI_SECONDS = 5.0
_ADDRESS = re.compile(r"(?:(?P<domain>[0-9a-f]{1,8}):)?(?P<place>[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])")
_NUMBERED = re.compile(
    r"^(?P<address>[0-9a-f.:]+) .*?\[(?P<device_class>[0-9a-f]{4})\]: (?P<name>.*) "
    r"\[(?P<vendor>[0-9a-f]{4}):(?P<device>[0-9a-f]{4})\]"
)
_NAMED = re.compile(r"^(?P<address>[0-9a-f.:]+) (?P<kind>[^:]+): (?P<name>.*?)(?: \(rev [0-9a-f]+\))?$")
_UNKNOWN_DEVICE = re.compile(r"Device (?P<device>[0-9a-f]{4})$")
# Names in lspci's output without -nn, of the classes and vendors that can be told from them.
_CLASS_NAMES = {
    "VGA compatible controller": "0300",
    "3D controller": "0302",
    "Display controller": "0380",
    "Processing accelerators": "1200",
}
_VENDOR_NAMES = {
    "NVIDIA Corporation ": "10de",
    "Advanced Micro Devices, Inc. [AMD/ATI] ": "1002",
    "Intel Corporation ": "8086",
    "Habana Labs Ltd. ": "1da3",
    "Huawei Technologies Co., Ltd. ": "19e5",
    "Google, Inc. ": "1ae0",
    "Amazon.com, Inc. ": "1d0f",
    "Qualcomm ": "17cb",
}
# What `lspci -nn` prints in place of a name that its database does not have.
_NAMELESS = "Device"


def scan_pci(host: Host) -> tuple[tuple[PciDevice, ...] | None, tuple[Gap, ...]]:
    """Return the functions on the PCI bus, or None with the reasons when it cannot be read.

    Sources, in order: 1. sysfs; 2. `lspci -nn`; 3. `lspci`, which names the devices by words only. lspci is asked only
    where sysfs is missing: it reads the same files, and most images do not have it.
    """
    names = host.names(_DEVICES)
    if names is not None:
        devices = [device for device in (_from_sysfs(host, name) for name in names) if device is not None]
        return tuple(devices), ()
    gaps = [Gap(fact="devices", source=_DEVICES, reason="no such directory, or not recorded")]
    for argv, parse in ((("lspci", "-nn"), parse_numbered), (("lspci",), parse_named)):
        completed = host.run(Command(argv=argv, timeout_seconds=_LSPCI_SECONDS))
        if completed.stdout and completed.failure is None:
            return parse(completed.stdout), ()
        gaps.append(Gap(fact="devices", source=" ".join(argv), reason=completed.failure or "printed nothing"))
    return None, tuple(gaps)


def is_display(device: PciDevice) -> bool:
    """Tell whether a function is a display controller of any kind, as GPUs are."""
    return device.device_class.startswith(_DISPLAY)


def _from_sysfs(host: Host, address: str) -> PciDevice | None:
    """Read one function; `uevent` has all in one file, the single files stand in where it is missing.

    DRIVER=nvidia
    PCI_CLASS=30200
    PCI_ID=10DE:2330
    """
    folder = f"{_DEVICES}/{address}"
    text = host.read(f"{folder}/uevent").text
    if text is not None:
        lines = dict(line.partition("=")[::2] for line in text.splitlines())
        vendor, _, device = lines.get("PCI_ID", "").lower().partition(":")
        device_class = lines.get("PCI_CLASS", "").zfill(6)
        driver: str | None = lines.get("DRIVER")
        unbound: bool | None = driver is None
    else:
        vendor, device = (_hexadecimal(host, f"{folder}/{name}", 4) for name in ("vendor", "device"))
        device_class = _hexadecimal(host, f"{folder}/class", 6)
        link = host.link(f"{folder}/driver")
        driver = None if link is None else link.rpartition("/")[2]
        unbound = False if driver else None
    if not re.fullmatch(r"[0-9a-f]{4}:[0-9a-f]{4}", f"{vendor}:{device}"):
        return None
    return PciDevice(
        address=address.lower(),
        vendor=vendor,
        device=device,
        device_class=device_class[:4].lower(),
        driver=driver,
        unbound=unbound,
    )


def _hexadecimal(host: Host, path: str, digits: int) -> str:
    text = (host.read(path).text or "").strip().lower()
    return text.removeprefix("0x").zfill(digits) if text else ""


def parse_numbered(text: str) -> tuple[PciDevice, ...]:
    """Parse `lspci -nn`; a host with one PCI domain is printed without it.

    06:00.0 3D controller [0302]: NVIDIA Corporation GA102GL [A10] [10de:2236] (rev a1)
    """
    return tuple(
        PciDevice(
            address=full_address(match["address"]) or match["address"],
            vendor=match["vendor"],
            device=match["device"],
            device_class=match["device_class"],
            name=_own_name(match["name"]),
        )
        for match in (_NUMBERED.match(line) for line in text.splitlines())
        if match is not None
    )


def parse_named(text: str) -> tuple[PciDevice, ...]:
    """Parse plain `lspci`: only vendors and classes that are named unmistakably; the device id where no name is known.

    0008:01:00.0 3D controller: NVIDIA Corporation Device 2941 (rev a1)
    """
    devices = []
    for match in (_NAMED.match(line) for line in text.splitlines()):
        device_class = None if match is None else _CLASS_NAMES.get(match["kind"])
        if match is None or device_class is None:
            continue
        for words, vendor in _VENDOR_NAMES.items():
            if match["name"].startswith(words):
                name = match["name"].removeprefix(words)
                unnamed = _UNKNOWN_DEVICE.fullmatch(name)
                devices.append(
                    PciDevice(
                        address=full_address(match["address"]) or match["address"],
                        vendor=vendor,
                        device="" if unnamed is None else unnamed["device"],
                        device_class=device_class,
                        name=name if unnamed is None else None,
                    )
                )
    return tuple(devices)


def _own_name(name: str) -> str | None:
    """Return a device's name without its maker's, or None where lspci knew only the maker."""
    if name == _NAMELESS or name.endswith(f" {_NAMELESS}"):
        return None
    maker = next((words for words in _VENDOR_NAMES if name.startswith(words)), "")
    return name.removeprefix(maker)


def full_address(address: str) -> str | None:
    """Return a PCI address as sysfs writes it: `0000:1b:00.0` for `1B:00.0` and `00000000:1B:00.0`; None for others."""
    match = _ADDRESS.fullmatch(address.strip().lower())
    return None if match is None else f"{int(match['domain'] or '0', 16):04x}:{match['place']}"
