"""The manifest of a bundle, `envkit-bundle/1`: what is in it, and the hash of each file."""

from envkit.model.value import Value


class BundledFile(Value):
    """One file of a bundle."""

    path: str  # relative, of plain parts: wheels/x-1-py3-none-any.whl
    sha256: str
    size: int  # bytes


class BundledImage(Value):
    """An image in a bundle, as an archive that engines load."""

    profile: str
    reference: str  # the tag under which the engine finds it
    image: str  # `sha256:…` of its configuration, the id in most stores
    path: str  # of its archive
    digest: str | None = None  # of its manifest, the id in containerd's store; None: the archive has none
    layers: tuple[str, ...] = ()  # `sha256:…` of what each holds, which is the same in every store


class Bundle(Value, tag_field="format", tag="envkit-bundle/1"):
    """All that is in a bundle; the manifest is its first file and lists all others."""

    envkit: str  # version that wrote it
    name: str  # of the project
    profiles: tuple[str, ...]
    files: tuple[BundledFile, ...]
    images: tuple[BundledImage, ...] = ()
    frozen: bool = False  # the lock was taken as it was, and the project file may ask for something else
