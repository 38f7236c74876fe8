"""SPEC texts: a recipe or package with an optional range, as people type them."""

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from envkit.errors import BadSpecError
from envkit.model.request import Spec

_HINT = "a SPEC is written `pytorch`, `pytorch>=2.9,<3` or `pytorch[audio]==2.9.*`; quote it in a shell"


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
