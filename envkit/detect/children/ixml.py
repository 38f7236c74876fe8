"""Ask IXML, Iluvatar's management library, and print one JSON document.

Signatures: `ixml/nvml.h` of CoreX as published with the Go bindings `gitee.com/deep-spark/go-ixml`, and the ctypes
bindings `pyixml` of gpustack/runtime. The library exports NVML's own names, and `ixmlDeviceGetHealth(nvmlDevice_t,
unsigned long long *)`, whose bits are faults. Never run on a real device here.
"""

import ctypes
import sys

TYPE_CHECKING = False  # as typing's, whose import would take longer than all else here
if TYPE_CHECKING:
    from envkit.detect.children import library, nvml_shaped
else:
    sys.path.insert(0, __file__.rpartition("/")[0])
    import library
    import nvml_shaped

_IXML = nvml_shaped.Dialect(
    # The UPnP library of most distributions has a libixml.so as well: it is told by lacking the functions.
    libraries=("libixml.so", "/usr/local/corex/lib64/libixml.so", "/usr/local/corex/lib/libixml.so"),
    initialize=("nvmlInit_v2", "nvmlInit"),
    count=("nvmlDeviceGetCount_v2", "nvmlDeviceGetCount"),
    handle=("nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetHandleByIndex"),
    name="nvmlDeviceGetName",
    pci=("nvmlDeviceGetPciInfo_v3", "nvmlDeviceGetPciInfo_v2", "nvmlDeviceGetPciInfo"),
    memory="nvmlDeviceGetMemoryInfo",
    driver="nvmlSystemGetDriverVersion",
    addresses=(slice(36, 68), slice(16)),
    total=0,
    pci_vendor=0x1E3E,
)


def _health(ixml: ctypes.CDLL, handle: ctypes.c_void_p) -> str | None:
    bits = ctypes.c_ulonglong()
    told = library.asked(ixml, "ixmlDeviceGetHealth", handle, ctypes.byref(bits))
    return f"ixmlDeviceGetHealth: {bits.value:#x}" if told and bits.value else None


def _ask() -> dict[str, object]:
    return nvml_shaped.describe(nvml_shaped.start(_IXML), _IXML, _health)


if __name__ == "__main__":
    library.print_answer(_ask)
