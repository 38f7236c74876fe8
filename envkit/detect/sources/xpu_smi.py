"""Intel's xpu-smi; its parser leaves out what it cannot read."""

import re

import msgspec

from envkit.detect.decoding import decode_json
from envkit.detect.pci import full_address
from envkit.detect.reading import Reading
from envkit.model.host import Device
from envkit.system.command import Command
from envkit.system.host import Host

TOOL = "xpu-smi"
_TIMEOUT_SECONDS = 10.0
_MOST_DEVICES = 64  # more than any machine has: a number beyond is a damaged one
_MIB = 1024 * 1024
_ID = re.compile(r"(?:0x)?(?P<device>[0-9a-fA-F]{1,4})")


def ask_xpu_smi(host: Host) -> tuple[Reading, ...]:
    """Ask for the list of devices, then for each device, which alone tells its memory and driver.

    Order: 1. `discovery -j`; 2. `discovery -d N -j` for each N of the list.
    """
    listed = _asked(host, ())
    readings = [listed]
    for device in listed.devices:
        if device.index is None or device.memory_mib is not None:
            continue
        reading = _asked(host, ("-d", str(device.index)))
        readings.append(reading)
        if reading.failure is not None:  # so would the next
            break
    return tuple(readings)


def _asked(host: Host, arguments: tuple[str, ...]) -> Reading:
    source = " ".join((TOOL, "discovery", *arguments))
    argv = (TOOL, "discovery", *arguments, "-j")
    completed = host.run(Command(argv=argv, timeout_seconds=_TIMEOUT_SECONDS, stable=True))
    if completed.failure is not None:
        return Reading(source=source, failure=completed.failure)
    return parse_discovery(completed.stdout, source)


class _Gpu(msgspec.Struct):
    device_id: int | None = None
    device_name: str | None = None
    pci_bdf_address: str | None = None
    pci_device_id: str | None = None
    driver_version: str | None = None
    memory_physical_size_byte: int | str | None = None


class _Gpus(msgspec.Struct):
    device_list: tuple[_Gpu, ...]


def parse_discovery(text: str, source: str) -> Reading:
    """Parse `discovery -j`, a list of devices, or `discovery -d N -j`, a single one with more fields.

    {"device_list": [{"device_id": 0, "device_name": "Intel(R) …", "pci_bdf_address": "0000:29:00.0",
     "pci_device_id": "0xbda"}]}
    {"device_id": 0, "driver_version": "I915_23.10", "memory_physical_size_byte": "51522830336"}
    """
    listed = decode_json(text, _Gpus)
    single = decode_json(text, _Gpu)
    found = listed.device_list if listed is not None else () if single is None else (single,)
    known = [gpu for gpu in found if _place(gpu) or full_address(gpu.pci_bdf_address or "")]
    return Reading(
        source=source,
        devices=tuple(map(_device, known)),
        driver=next((gpu.driver_version for gpu in known if gpu.driver_version), None),
        failure=None if known else text.strip().partition("\n")[0][:200] or "printed nothing",
    )


def _place(gpu: _Gpu) -> bool:
    return gpu.device_id is not None and 0 <= gpu.device_id < _MOST_DEVICES


def _device(gpu: _Gpu) -> Device:
    written = _ID.fullmatch(gpu.pci_device_id or "")
    return Device(
        vendor="intel",
        index=gpu.device_id if _place(gpu) else None,
        name=gpu.device_name or None,
        pci_address=full_address(gpu.pci_bdf_address or ""),
        pci_id=None if written is None else f"8086:{written['device'].lower().zfill(4)}",
        memory_mib=_mib(gpu.memory_physical_size_byte),
        usable=True,
    )


def _mib(size: int | str | None) -> int | None:
    """Return whole MiB of bytes, which are written as a string; zero is how the tool says that it does not know."""
    text = str(size)
    return int(text) // _MIB or None if re.fullmatch(r"[0-9]{1,15}", text) else None
