"""SPEC texts: a recipe or package with an optional range, as people type them."""

import re
from functools import lru_cache

from msgspec.structs import replace
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from envkit.errors import BadSpecError
from envkit.model.request import Doubt, Spec

_HINT = "a SPEC is written `pytorch`, `pytorch>=2.9,<3` or `pytorch[audio]==2.9.*`; quote it in a shell"
_VARIANT = re.compile(r"(?P<name>[^+<>=!~]+)\+(?P<variant>[A-Za-z0-9_.]+)(?P<range>.*)")
_EXACT = re.compile(r"(?P<range>==[^+,]+)\+(?P<variant>[A-Za-z0-9_.]+)")


def parse_doubt(text: str) -> Doubt:
    """Read builds of a recipe: a SPEC, with a variant where one is meant: `pytorch==2.9.1+cu128`, `pytorch+cu130`.

    Raises `BadSpecError`.
    """
    match = _VARIANT.fullmatch(text.strip())
    spec = parse_spec(text if match is None else f"{match['name']}{match['range']}")
    variant = None if match is None else match["variant"]
    exact = _EXACT.fullmatch(spec.range)
    if exact is not None:
        return Doubt(spec=replace(spec, range=exact["range"], extras=()), variant=exact["variant"])
    return Doubt(spec=replace(spec, extras=()), variant=variant)


def parse_spec(text: str) -> Spec:
    """Read a recipe name with optional extras and PEP 440 range; raises `BadSpecError`."""
    try:
        requirement = Requirement(text.strip())
    except InvalidRequirement as error:
        message = f"not a recipe with an optional range: {text}"
        raise BadSpecError(message, hints=(_HINT,)) from error
    if requirement.url is not None or requirement.marker is not None:
        message = f"a SPEC takes no address and no marker: {text}"
        raise BadSpecError(message, hints=(_HINT,))
    return Spec(
        recipe=canonicalize_name(requirement.name),
        range=str(requirement.specifier),
        extras=tuple(sorted(requirement.extras)),
    )


@lru_cache(maxsize=1024)
def named_package(text: str) -> str | None:
    """Return the package that a requirement names, None where a marker says when; raises `BadSpecError`."""
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        message = f"not a package requirement: {text}"
        raise BadSpecError(message) from error
    return None if requirement.marker is not None else canonicalize_name(requirement.name)
