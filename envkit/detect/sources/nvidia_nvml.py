"""NVIDIA's management library, asked in a child process."""

import sys
from pathlib import Path

import msgspec

from envkit.detect.decoding import decode_json
from envkit.detect.pci import full_address
from envkit.detect.reading import Reading
from envkit.model.host import Device
from envkit.model.value import Value
from envkit.system.command import Command
from envkit.system.host import Host

SOURCE = "nvml"
NO_DEVICE = "lists no device"
# The first open takes 5 to 10 seconds per device where the driver is not kept initialised.
_TIMEOUT_SECONDS = 30.0
_CHILD = str(Path(__file__).resolve().parents[1] / "children" / "nvml.py")
# Where systems keep the driver's libraries outside the loader's list: WSL, NixOS, Google's container OS, containers.
_LIBRARY_FOLDERS = (
    "/usr/lib/wsl/lib",
    "/run/opengl-driver/lib",
    "/home/kubernetes/bin/nvidia/lib64",
    "/usr/local/nvidia/lib64",
    "/usr/lib/x86_64-linux-gnu/nvidia/current",
)
_MISMATCH = 18
_LIBRARY_NOT_FOUND = 12


class NvmlAnswer(Value):
    """What NVML said, and whether its failure is one that has a name."""

    reading: Reading
    mismatch: bool = False  # library and kernel module are of different versions
    library_missing: bool = False
    hung: bool = False
    unified: tuple[str, ...] = ()  # addresses of devices without memory of their own
    transient: tuple[str, ...] = ()  # addresses of devices that are initialised anew for each first user


class _Instance(msgspec.Struct):
    index: int
    name: str | None = None
    memory_bytes: int | None = None


class _Device(msgspec.Struct):
    index: int
    name: str | None = None
    pci_address: str | None = None
    pci_device_id: int | None = None  # device in the upper, vendor in the lower half
    compute_capability: tuple[int, int] | None = None
    memory_bytes: int | None = None
    unified: bool = False
    persistent: bool | None = None
    error: str | None = None  # why this device does not answer while NVML does
    minor: int | None = None
    partitioned: bool = False
    instances: tuple[_Instance, ...] = ()


class _Document(msgspec.Struct):
    driver: str | None = None
    cuda: int | None = None  # 12080 is 12.8
    devices: tuple[_Device, ...] = ()
    error: str | None = None
    code: int | None = None


def ask_nvml(host: Host) -> NvmlAnswer:
    """Return driver, CUDA ceiling and devices as NVML tells them; a failure is in the reading."""
    folders = (host.variable("LD_LIBRARY_PATH"), *_LIBRARY_FOLDERS)
    completed = host.run(
        Command(
            # -P: a folder named like one of the child's imports must not be imported instead.
            argv=(sys.executable, "-P", _CHILD),
            timeout_seconds=_TIMEOUT_SECONDS,
            environment={"LD_LIBRARY_PATH": ":".join(folder for folder in folders if folder)},
            stable=True,
        )
    )
    if completed.failure is not None:
        failed = Reading(source=SOURCE, failure=completed.failure)
        return NvmlAnswer(reading=failed, hung=completed.failure.startswith("timed out"))
    document = decode_json(completed.stdout, _Document)
    if document is None:
        last = (completed.stderr or completed.stdout).strip().rpartition("\n")[2]
        return NvmlAnswer(reading=Reading(source=SOURCE, failure=f"no answer that can be read: {last[:200]}"))
    if document.error is not None:
        return NvmlAnswer(
            reading=Reading(source=SOURCE, failure=document.error),
            mismatch=document.code == _MISMATCH,
            library_missing=document.code == _LIBRARY_NOT_FOUND,
        )
    return _answer(document)


def _answer(document: _Document) -> NvmlAnswer:
    answering = tuple(device for device in document.devices if device.error is None)
    silent = tuple(device for device in document.devices if device.error is not None)
    devices = tuple(_device(device) for device in answering)
    pairs = tuple(zip(answering, devices, strict=True))
    return NvmlAnswer(
        reading=Reading(
            source=SOURCE,
            devices=devices,
            partitions=tuple(
                Device(
                    vendor="nvidia",
                    index=instance.index,
                    name=instance.name,
                    pci_address=device.pci_address,
                    memory_mib=_mib(instance.memory_bytes),
                    usable=True,
                )
                for told, device in pairs
                for instance in told.instances
            ),
            partitioned=tuple(device.pci_address or "" for told, device in pairs if told.partitioned),
            driver=document.driver,
            ceiling=None if document.cuda is None else f"{document.cuda // 1000}.{document.cuda % 1000 // 10}",
            failure="; ".join(f"device {device.index}: {device.error}" for device in silent)
            or (None if devices else NO_DEVICE),
        ),
        unified=tuple(device.pci_address or "" for told, device in pairs if told.unified),
        transient=tuple(device.pci_address or "" for told, device in pairs if told.persistent is False),
    )


def _device(told: _Device) -> Device:
    capability = told.compute_capability
    return Device(
        vendor="nvidia",
        index=told.index,
        name=told.name,
        pci_address=full_address(told.pci_address or ""),
        pci_id=pci_id(told.pci_device_id),
        architecture=None if capability is None else f"sm_{capability[0]}{capability[1]}",
        memory_mib=_mib(told.memory_bytes),
        nodes=None if told.minor is None else (f"/dev/nvidia{told.minor}",),
    )


def pci_id(combined: int | None) -> str | None:
    """Return `10de:2330` for 0x233010de; None when the lower half is not NVIDIA's id, as in masked recordings."""
    nvidia = 0x10DE
    if combined is None or combined & 0xFFFF != nvidia:
        return None
    return f"10de:{combined >> 16 & 0xFFFF:04x}"


def _mib(size: int | None) -> int | None:
    return None if size is None else size // (1024 * 1024)
