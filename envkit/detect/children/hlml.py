"""Ask HLML, the management library of Intel Gaudi, and print one JSON document.

Signatures: `hlml.h` of HabanaAI/gohlml, and its later form with `hlml_get_driver_version(char *, unsigned int)`, which
older releases lack. `hlml_memory_t` is free, total, used; `hlml_pci_info_t` holds `char bus_id[15]` behind an unsigned
int, and `pci_device_id` at the place where NVML has it. Never run on a real device here.
"""

import sys

TYPE_CHECKING = False  # as typing's, whose import would take longer than all else here
if TYPE_CHECKING:
    from envkit.detect.children import library, nvml_shaped
else:
    sys.path.insert(0, __file__.rpartition("/")[0])
    import library
    import nvml_shaped

_HLML = nvml_shaped.Dialect(
    libraries=("libhlml.so", "/usr/lib/habanalabs/libhlml.so"),
    initialize=("hlml_init",),
    count=("hlml_device_get_count",),
    handle=("hlml_device_get_handle_by_index",),
    name="hlml_device_get_name",
    pci=("hlml_device_get_pci_info",),
    memory="hlml_device_get_memory_info",
    driver="hlml_get_driver_version",
    addresses=(slice(4, 19),),
    total=8,
    pci_vendor=0x1DA3,
)


def _ask() -> dict[str, object]:
    return nvml_shaped.describe(nvml_shaped.start(_HLML), _HLML)


if __name__ == "__main__":
    library.print_answer(_ask)
