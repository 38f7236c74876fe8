"""Ask NVIDIA's management library and print one JSON document; started as a script, so that envkit is not imported.

A driver whose GPU fell off the bus hangs in the kernel, so this is never done in envkit's own process.
"""

import json
import sys
from collections.abc import Callable

import pynvml


def _told(function: Callable[..., object], *arguments: object) -> object:
    """Return what the library answers, or None where this device or driver does not know the question."""
    try:
        return function(*arguments)
    except (pynvml.NVMLError, AttributeError):
        return None


def _memory(handle: object) -> int | None:
    memory = _told(pynvml.nvmlDeviceGetMemoryInfo, handle)
    return getattr(memory, "total", None)


def _unified(handle: object) -> bool:
    """Tell whether the device has no memory of its own, as on boards that share it with the processor."""
    try:
        pynvml.nvmlDeviceGetMemoryInfo(handle)
    except pynvml.NVMLError_NotSupported:
        return True
    except pynvml.NVMLError:
        return False
    return False


def _name(handle: object) -> str | None:
    name = _told(pynvml.nvmlDeviceGetName, handle)
    return name.decode(errors="replace") if isinstance(name, bytes) else name  # type: ignore[return-value]


def _persistent(handle: object) -> bool | None:
    mode = _told(pynvml.nvmlDeviceGetPersistenceMode, handle)
    return None if mode is None else mode == pynvml.NVML_FEATURE_ENABLED


def _instances(handle: object) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for index in range(int(_told(pynvml.nvmlDeviceGetMaxMigDeviceCount, handle) or 0)):  # type: ignore[call-overload]
        instance = _told(pynvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, index)
        if instance is not None:
            found.append({"index": index, "name": _name(instance), "memory_bytes": _memory(instance)})
    return found


def _device(index: int) -> dict[str, object]:
    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    address = _told(pynvml.nvmlDeviceGetPciInfo, handle)
    bus = getattr(address, "busId", None)
    capability = _told(pynvml.nvmlDeviceGetCudaComputeCapability, handle)
    mode = _told(pynvml.nvmlDeviceGetMigMode, handle)
    partitioned = isinstance(mode, list | tuple) and mode[0] == pynvml.NVML_DEVICE_MIG_ENABLE
    return {
        "index": index,
        "name": _name(handle),
        "pci_address": bus.decode() if isinstance(bus, bytes) else bus,
        "pci_device_id": getattr(address, "pciDeviceId", None),
        "compute_capability": list(capability) if isinstance(capability, list | tuple) else None,
        "memory_bytes": _memory(handle),
        "unified": _unified(handle),
        "persistent": _persistent(handle),
        "minor": _told(pynvml.nvmlDeviceGetMinorNumber, handle),
        "partitioned": partitioned,
        "instances": _instances(handle) if partitioned else [],
    }


def _device_or_error(index: int) -> dict[str, object]:
    """Return a device, or why it does not answer: one that fell off the bus must not hide the others."""
    try:
        return _device(index)
    except pynvml.NVMLError as error:
        return {"index": index, "error": str(error)}


def _document() -> dict[str, object]:
    try:
        pynvml.nvmlInit()
        driver = _told(pynvml.nvmlSystemGetDriverVersion)
        return {
            "driver": driver.decode() if isinstance(driver, bytes) else driver,
            "cuda": _told(pynvml.nvmlSystemGetCudaDriverVersion_v2),
            "devices": [_device_or_error(index) for index in range(pynvml.nvmlDeviceGetCount())],
        }
    except pynvml.NVMLError as error:
        return {"error": str(error), "code": error.value}


if __name__ == "__main__":
    answer = json.dumps(_document())
    sys.stdout.write(answer)
    # A failure, also that of a single device, is not kept for the next start.
    sys.exit(1 if '"error":' in answer else 0)
