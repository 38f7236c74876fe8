"""What the refusals of each rule depend on, as paths of fields; `envkit.resolve.obstacles` prunes by it.

A path is that of a field of the facts, the request or what is available. `devices` are those of the vendor as they are
made out of several fields, see `envkit.resolve.devices.accelerators`, and which of them are chosen. Left out is what
changes only the words of a judgement, or whether it rests on an assumption.
"""

from typing import Final

DEVICES: Final = "devices"
DEVICE_FIELDS: Final = frozenset({"facts.devices", "facts.masks", "facts.stacks", "request.devices"})
_CHOSEN: Final = frozenset({DEVICES})
_DRIVER: Final = DEVICE_FIELDS | {"facts.os", "request.allow"}
_RANGE: Final = frozenset({"request.specs"})
# Where packages go, see `Problem.mode`, and from which devices that follows where the request leaves it open.
MODE: Final = frozenset({"facts.engines", "request.base_image", "request.engine", "request.mode"})
OPEN_MODE: Final = frozenset({"facts.devices", "request.on"})
# Which places there are, beside where packages go.
PLACES: Final = frozenset({"facts.pythons", "request.flavor", "request.os"})
# By the names of the rules' functions. A rule with none depends on the build and the vendor alone.
RULES: Final[dict[str, frozenset[str]]] = {
    "amd_driver_window": _DRIVER,
    "base_image": frozenset({"availability.images"}),
    "companion_device": _CHOSEN,
    "companion_index": frozenset(),
    "companion_python": frozenset(),
    "constraint": frozenset({"availability.constraints", "request.packages", "request.python"}),
    "container_admission": _DRIVER,
    "container_reach": frozenset(),
    "cpu_architecture": frozenset({"facts.cpu"}),
    "cpu_level": frozenset({"facts.cpu"}),
    "denied": frozenset({"request.packages"}),
    "device": DEVICE_FIELDS,
    "device_architecture": _CHOSEN,
    "device_visibility": DEVICE_FIELDS,
    "driver_exact": _DRIVER,
    "driver_floor": _DRIVER,
    "driver_generation": _DRIVER,
    "extras": frozenset(),
    "host_window": frozenset({"facts.os", "facts.stacks"}),
    "image_architecture": _CHOSEN,
    "index_availability": frozenset({"availability.indexes"}),
    "kernel_module": DEVICE_FIELDS,
    "known_broken": _CHOSEN,
    "libc": frozenset({"facts.os"}),
    "offline": frozenset(),
    "operating_system": frozenset({"facts.os"}),
    "only_index": frozenset({"request.only_index"}),
    "package_cap": frozenset(),
    "python": frozenset(),
    "python_request": frozenset({"request.python"}),
    "release_age": _RANGE | {"request.as_of"},
    "request_range": _RANGE,
    "runtime_driver": _DRIVER,
    "toolkit": frozenset(),  # beside which places there are
    "vendor": frozenset(),
    "vendor_image": frozenset(),  # likewise
    "yanked": _RANGE,
}
