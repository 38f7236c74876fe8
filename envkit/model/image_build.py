"""What `envkit build` made."""

from envkit.model.value import Value


class WrittenDocument(Value):
    """A bill of materials or a provenance statement about an image."""

    name: str  # sbom.cdx.json
    path: str | None = None  # where it was written beside the image
    attached: str | None = None  # digest of what refers to the image in its registry


class BuiltImage(Value):
    """One image."""

    name: str
    profile: str | None
    platform: str  # linux/amd64
    vendor: str
    variant: str
    tags: tuple[str, ...]
    builder: str
    digest: str | None = None  # sha256:… of its manifest or index; None: only a registry would give it one
    id: str | None = None  # in the store of the engine
    archive: str | None = None  # path
    pushed: bool = False
    documents: tuple[WrittenDocument, ...] = ()
    log: str | None = None


class BuildReport(Value, tag_field="format", tag="envkit-build/1"):
    """All images of one `envkit build`, and the indexes that join those of several platforms."""

    images: tuple[BuiltImage, ...]
    indexes: dict[str, str] = {}  # digest by tag
    savings: tuple[str, ...] = ()
