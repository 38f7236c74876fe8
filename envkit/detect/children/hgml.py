"""Ask HGML, the management library of T-Head's PPUs, and print one JSON document.

Signatures: `hgml.h` of the PPU SDK as it is published, and the ctypes bindings `pyhgml` of gpustack/runtime. The
functions are NVML's under the prefix `hgml`. Never run on a real device here.
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

_ABSURD_VERSION = 1_000_000
_HGML = nvml_shaped.Dialect(
    libraries=("libhgml.so", "/usr/local/PPU_SDK/lib/libhgml.so"),
    initialize=("hgmlInit_v2", "hgmlInit"),
    count=("hgmlDeviceGetCount_v2", "hgmlDeviceGetCount"),
    handle=("hgmlDeviceGetHandleByIndex_v2", "hgmlDeviceGetHandleByIndex"),
    name="hgmlDeviceGetName",
    pci=("hgmlDeviceGetPciInfo_v3", "hgmlDeviceGetPciInfo_v2", "hgmlDeviceGetPciInfo"),
    memory="hgmlDeviceGetMemoryInfo",
    driver="hgmlSystemGetDriverVersion",
    addresses=(slice(36, 68), slice(16)),
    total=0,
    pci_vendor=0x1DED,
)


def _ask() -> dict[str, object]:
    hgml = nvml_shaped.start(_HGML)
    return {**nvml_shaped.describe(hgml, _HGML), "ceiling": _ceiling(hgml)}


def _ceiling(hgml: ctypes.CDLL) -> str | None:
    """Return the newest HGGC that the driver serves: 12030 is 12.3."""
    number = ctypes.c_int()
    told = library.asked(hgml, "hgmlSystemGetHggcDriverVersion", ctypes.byref(number))
    version = number.value
    return f"{version // 1000}.{version % 1000 // 10}" if told and 0 < version < _ABSURD_VERSION else None


if __name__ == "__main__":
    library.print_answer(_ask)
