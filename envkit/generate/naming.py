"""Names and references that outputs derive from those of a plan."""

import re

from envkit.errors import DataError
from envkit.generate.quoting import image_reference
from envkit.model.plan import Plan
from envkit.model.resolution import Base
from envkit.model.value import Value


class MemorySize(Value):
    """An amount of memory, as it was written and in its parts."""

    text: str  # 8g
    number: int
    unit: str  # b | k | m | g


# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-label-names
_LONGEST_LABEL = 63
_SIZE = re.compile(r"(?P<number>[1-9][0-9]*)(?P<unit>[bkmgBKMG]?)")


def dns_label(name: str) -> str:
    """Return the name of an environment as host names, images and objects of a cluster have them."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_LONGEST_LABEL].strip("-")


def pushed_image(plan: Plan, image: str | None) -> str:
    """Return the image that others start: the one given, else one named after the environment.

    Raises `DataError` for what is no reference with a tag or digest.
    """
    return image_reference(Base(image=image or f"{dns_label(plan.name)}:latest", os=""))


def memory_size(text: str) -> MemorySize:
    """Return the parts of a size as container engines take it; raises `DataError` for other text."""
    match = _SIZE.fullmatch(text)
    if match is None:
        message = f"a size of memory is a number with b, k, m or g, such as 8g: {text!r}"
        raise DataError(message)
    return MemorySize(text=text, number=int(match["number"]), unit=match["unit"].lower() or "b")
