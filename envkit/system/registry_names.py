"""Names of images, as the docker command reads them."""

import re

from envkit.errors import DataError
from envkit.model.image import DOCKER_HUB, ImageReference

# https://github.com/distribution/reference/blob/main/reference.go: the grammar of names.
_COMPONENT = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_REGISTRY = r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
_REFERENCE = re.compile(
    rf"(?:(?P<registry>{_REGISTRY})/)?(?P<repository>{_COMPONENT}(?:/{_COMPONENT})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_HUB_NAMES = frozenset({"index.docker.io", "registry-1.docker.io"})


def parse_reference(image: str) -> ImageReference:
    """Return the whole name of an image; raises `DataError` for what is none.

    What stands before the first `/` is a registry when it has a dot or a port, or is `localhost`.
    """
    first, slash, _ = image.partition("/")
    has_registry = bool(slash) and (any(mark in first for mark in ".:") or first == "localhost")
    found = _REFERENCE.fullmatch(image if has_registry else f"{DOCKER_HUB}/{image}")
    if found is None:
        raise DataError(f"not the name of an image: {image!r}", facts=("expected: `registry/name:tag@sha256:…`",))
    registry = DOCKER_HUB if found["registry"] in _HUB_NAMES else found["registry"]
    repository = found["repository"]
    if registry == DOCKER_HUB and "/" not in repository:
        repository = f"library/{repository}"
    return ImageReference(registry=registry, repository=repository, tag=found["tag"], digest=found["digest"])
