"""The rules, in the order in which they are asked; the first that refuses a candidate is the reason reported."""

from collections.abc import Callable

from envkit.resolve.checks.admission import container_admission
from envkit.resolve.checks.architecture import companion_device, device_architecture
from envkit.resolve.checks.broken import known_broken
from envkit.resolve.checks.caps import package_cap
from envkit.resolve.checks.driver import amd_driver_window, driver_exact, driver_floor
from envkit.resolve.checks.host import device, driver_generation, kernel_module
from envkit.resolve.checks.judgement import Judgement
from envkit.resolve.checks.place import (
    base_image,
    companion_python,
    cpu_architecture,
    libc,
    operating_system,
    python,
    python_request,
)
from envkit.resolve.checks.source import (
    companion_index,
    constraint,
    denied,
    extras,
    index_availability,
    offline,
    only_index,
    release_age,
    request_range,
    vendor,
    yanked,
)
from envkit.resolve.checks.vendors import container_reach, image_architecture, runtime_driver, toolkit, vendor_image
from envkit.resolve.checks.visibility import device_visibility
from envkit.resolve.checks.windows import cpu_level, host_window
from envkit.resolve.options import Option
from envkit.resolve.sites import Place
from envkit.resolve.situation import Situation

HOST_RULES: tuple[Callable[[Situation], Judgement | None], ...] = (
    device,
    device_visibility,
    kernel_module,
    driver_generation,
    package_cap,
)
BuildRule = Callable[[Option, Situation], Judgement | None]
RANGE_RULES: tuple[BuildRule, ...] = (request_range,)
# These look at no more of a build than `envkit.resolve.grade.Alike` has, but for those known to be broken.
VARIANT_RULES: tuple[BuildRule, ...] = (
    only_index,
    vendor,
    cpu_architecture,
    cpu_level,
    device_architecture,
    companion_device,
    known_broken,
    driver_floor,
    driver_exact,
    amd_driver_window,
    runtime_driver,
)
RELEASE_RULES: tuple[BuildRule, ...] = (
    release_age,
    yanked,
    denied,
    extras,
    companion_index,
    index_availability,
    offline,
)
BUILD_RULES = (*RANGE_RULES, *VARIANT_RULES, *RELEASE_RULES)
PLACE_RULES: tuple[Callable[[Option, Place, Situation], Judgement | None], ...] = (
    vendor_image,
    python_request,
    python,
    companion_python,
    operating_system,
    libc,
    container_reach,
    image_architecture,
    toolkit,
    host_window,
    container_admission,
    base_image,
    constraint,
)

__all__ = [
    "BUILD_RULES",
    "HOST_RULES",
    "PLACE_RULES",
    "RANGE_RULES",
    "RELEASE_RULES",
    "VARIANT_RULES",
    "BuildRule",
    "Judgement",
]
