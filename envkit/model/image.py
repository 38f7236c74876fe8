"""Images in registries: their names, and what a registry tells of them."""

from envkit.model.value import Value

DOCKER_HUB = "docker.io"


class ImageReference(Value):
    """The name of an image, whole: `python:3.12` is `library/python` of `docker.io`."""

    registry: str  # docker.io, ghcr.io, 127.0.0.1:5000
    repository: str  # library/python
    tag: str | None = None
    digest: str | None = None  # sha256:…

    @property
    def name(self) -> str:
        """The name without tag and digest."""
        return f"{self.registry}/{self.repository}"

    @property
    def version(self) -> str:
        """What a registry is asked for: the digest, else the tag."""
        return self.digest or self.tag or "latest"

    def __str__(self) -> str:
        """Return the whole name."""
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.name}{tag}{f'@{self.digest}' if self.digest else ''}"


class Manifest(Value):
    """An index or manifest, as a registry gave it and as its digest is made of."""

    digest: str
    media_type: str
    body: bytes


class RegistryImage(Value):
    """What a registry has under a name."""

    reference: ImageReference
    digest: str  # of the index of all platforms, or of the one image
    media_type: str
    platforms: dict[str, str] = {}  # digest of the image for each: linux/arm64; empty: one image that does not say
    source: str = ""  # address of the registry or mirror that answered


class ImageConfiguration(Value):
    """What the configuration of an image says of it."""

    digest: str
    platform: str  # linux/amd64
    environment: dict[str, str] = {}
    labels: dict[str, str] = {}
