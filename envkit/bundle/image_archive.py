"""What is in an archive of an image, in the forms that `docker save`, BuildKit and podman write."""

import hashlib
import tarfile
from pathlib import Path
from typing import TypeVar

import msgspec

from envkit.errors import BundleError
from envkit.model.text import strip_controls

_Document = TypeVar("_Document")
_LARGEST_DOCUMENT = 2**24  # bytes
_MANIFEST = "manifest.json"
_INDEX = "index.json"
# Under which containerd finds an image, and BuildKit notes it.
_NAMES = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
_HUB = "docker.io/"
_LOCAL = "localhost/"  # podman's name for images of nobody's registry


class _Saved(msgspec.Struct):
    """One image of `manifest.json`: https://github.com/moby/docker-image-spec."""

    configuration: str = msgspec.field(name="Config")
    tags: tuple[str, ...] | None = msgspec.field(name="RepoTags", default=None)


class _Described(msgspec.Struct):
    digest: str
    annotations: dict[str, str] = {}


class _Index(msgspec.Struct):
    """https://github.com/opencontainers/image-spec/blob/main/image-index.md."""

    manifests: tuple[_Described, ...] = ()


class _RootFileSystem(msgspec.Struct):
    diff_ids: tuple[str, ...] = ()


class _Configuration(msgspec.Struct):
    rootfs: _RootFileSystem


class ArchivedImage(msgspec.Struct, frozen=True, kw_only=True):
    """The one image of an archive."""

    image: str  # `sha256:…` of its configuration
    digest: str | None  # of its manifest; None: the archive has none
    layers: tuple[str, ...]
    names: tuple[str, ...]  # all under which an engine would store it


def read_image(path: Path) -> ArchivedImage:
    """Return what an archive holds; raises `BundleError` for anything but one image."""
    try:
        with tarfile.open(path, "r:") as archive:
            (saved,) = _document(archive, _MANIFEST, tuple[_Saved, ...])
            text = _text(archive, saved.configuration)
            index = _document(archive, _INDEX, _Index) if _INDEX in archive.getnames() else _Index()
        configuration = msgspec.json.decode(text, type=_Configuration)
    except (tarfile.TarError, EOFError, OSError, KeyError, ValueError, msgspec.MsgspecError) as error:
        raise BundleError(f"not an archive of one image ({strip_controls(str(error))}): {path.name}") from error
    found = {name for each in index.manifests for key in _NAMES if (name := each.annotations.get(key)) is not None}
    names = {_plain(name) for name in (*(saved.tags or ()), *(name for name in found if ":" in name))}
    return ArchivedImage(
        image=f"sha256:{hashlib.sha256(text).hexdigest()}",
        digest=index.manifests[0].digest if len(index.manifests) == 1 else None,
        layers=configuration.rootfs.diff_ids,
        names=tuple(sorted(names)),
    )


def _plain(name: str) -> str:
    return name.removeprefix(_HUB).removeprefix(_LOCAL)


def _document(archive: tarfile.TarFile, name: str, kind: type[_Document]) -> _Document:
    return msgspec.json.decode(_text(archive, name), type=kind)


def _text(archive: tarfile.TarFile, name: str) -> bytes:
    member = archive.getmember(name)
    file = archive.extractfile(member)
    if file is None or member.size > _LARGEST_DOCUMENT:
        message = f"`{name}` is no document"
        raise ValueError(message)
    return file.read()
