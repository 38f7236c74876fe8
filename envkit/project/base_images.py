"""Digests of base images: asked of their registry, or of an engine that reaches it by mirrors of its own."""

from collections.abc import Callable

from envkit.engines import load_engine
from envkit.engines.ladder import usable_engines
from envkit.errors import EnvkitError, ImageMissingError, RegistryError
from envkit.model.availability import ImageState
from envkit.model.host import HostFacts
from envkit.model.image import RegistryImage
from envkit.model.sources import PackageSources
from envkit.system.registry import Registry
from envkit.system.registry_names import parse_reference


class ImageFinder:
    """Asks for images, for each once."""

    def __init__(self, sources: PackageSources, here: Callable[[], HostFacts]) -> None:
        self._offline = sources.offline
        self._registry = Registry(sources)
        self._here = here
        self._found: dict[str, RegistryImage] = {}

    def __call__(self, image: str) -> RegistryImage | None:
        """Return what a registry has, None where no server may be asked.

        Raises `ImageMissingError` and `RegistryError`. An engine tells only the digest of what a tag stands for.
        """
        if self._offline:
            return None
        if image not in self._found:
            self._found[image] = self._ask(image)
        return self._found[image]

    def _ask(self, image: str) -> RegistryImage:
        try:
            return self._registry.image(image)
        except ImageMissingError:
            raise
        except RegistryError as error:
            found = _from_engine(image, self._here())
            if found is not None:
                return found
            raise RegistryError(
                f"the digest of the base image cannot be had: {image}",
                facts=(error.message, *error.facts),
                hints=("envkit mirror use docker.io=registry.example.com", *error.hints),
            ) from error


def _from_engine(image: str, facts: HostFacts) -> RegistryImage | None:
    for name in usable_engines(facts.engines or ()):
        find_base: Callable[[str], ImageState] | None = getattr(load_engine(name), "find_base", None)
        try:
            state = None if find_base is None else find_base(image)
        except EnvkitError:  # what the registry itself said is told instead
            continue
        if state is not None and state.missing:
            raise ImageMissingError(f"the registry has no such image: {image}", facts=(f"asked by way of {name}",))
        if state is not None and state.digest is not None:
            return RegistryImage(reference=parse_reference(image), digest=state.digest, media_type="", source=name)
    return None
