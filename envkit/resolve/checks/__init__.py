"""The rules, in the order in which they are asked; the first that refuses a candidate is the reason reported."""

from collections.abc import Callable

from envkit.resolve.checks.architecture import device_architecture
from envkit.resolve.checks.driver import amd_driver_window, driver_exact, driver_floor
from envkit.resolve.checks.host import device, driver_generation, kernel_module
from envkit.resolve.checks.judgement import Judgement
from envkit.resolve.checks.place import base_image, companion_python, cpu_architecture, libc, python, python_request
from envkit.resolve.checks.source import (
    constraint,
    denied,
    extras,
    index_availability,
    offline,
    release_age,
    request_range,
    vendor,
    yanked,
)
from envkit.resolve.options import Option
from envkit.resolve.sites import Place
from envkit.resolve.situation import Situation

HOST_RULES: tuple[Callable[[Situation], Judgement | None], ...] = (device, kernel_module, driver_generation)
BUILD_RULES: tuple[Callable[[Option, Situation], Judgement | None], ...] = (
    request_range,
    vendor,
    cpu_architecture,
    device_architecture,
    driver_floor,
    driver_exact,
    amd_driver_window,
    release_age,
    yanked,
    denied,
    extras,
    index_availability,
    offline,
)
PLACE_RULES: tuple[Callable[[Option, Place, Situation], Judgement | None], ...] = (
    python_request,
    python,
    companion_python,
    libc,
    base_image,
    constraint,
)

__all__ = ["BUILD_RULES", "HOST_RULES", "PLACE_RULES", "Judgement"]
