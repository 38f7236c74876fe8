"""What a builder cannot do is said before anything is sent to it."""

from envkit.engines.builders import BuilderCapabilities, ImageWish, Output
from envkit.errors import UsageError
from envkit.model.text import strip_controls


def check_wish(name: str, capabilities: BuilderCapabilities, wish: ImageWish) -> None:
    """Raise `UsageError` with what the builder lacks for a wish, and how one is had that can do it."""
    wanted = (
        (wish.output is Output.OCI and not capabilities.oci_output, "an archive in OCI's layout"),
        (wish.output is Output.DOCKER and not capabilities.docker_output, "an archive for `docker load`"),
        (wish.provenance and not capabilities.attestations, "attached provenance"),
        (bool(wish.cache_to or wish.cache_from) and not capabilities.cache_export, "a cache kept outside of it"),
        (wish.push and not capabilities.push, "a push while it builds"),
        (len(wish.platforms) > 1 and not capabilities.many_platforms, "one image for several platforms"),
    )
    lacks = [what for missing, what in wanted if missing]
    if lacks:
        hints = (
            "docker buildx create --name envkit-builder",
            "the same command with `--builder envkit-builder`",
        )
        raise UsageError(f"the builder `{name}` cannot make: {', '.join(lacks)}", hints=hints)


def first_line(text: str) -> str:
    """Return the first line of what a command said."""
    return strip_controls(text.strip().partition("\n")[0])
