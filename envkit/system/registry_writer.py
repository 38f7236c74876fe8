"""Writing beside images in registries: documents that refer to an image, and indexes of several platforms.

Formats and calls: https://github.com/opencontainers/distribution-spec/blob/main/spec.md, `Pushing Manifests with
Subject` and, for registries without referrers, `Referrers Tag Schema`.
"""

import hashlib
from urllib.parse import urlencode, urljoin, urlsplit

import msgspec

from envkit.errors import ImageMissingError, RegistryError
from envkit.model.image import ImageReference, Manifest
from envkit.model.value import Value
from envkit.system.http import Reply
from envkit.system.registry import Registry, RegistryPlace, decode_answer, platform_name
from envkit.system.registry_names import parse_reference

_INDEX = "application/vnd.oci.image.index.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_EMPTY = "application/vnd.oci.empty.v1+json"
_EMPTY_CONTENT = b"{}"
_TITLE = "org.opencontainers.image.title"
_CREATED = frozenset({201, 202})
_FOUND = 200


class Document(Value):
    """A file that says something about an image."""

    name: str  # sbom.cdx.json
    media_type: str
    text: str


class Descriptor(Value, rename="camel"):
    """What refers to content by its hash."""

    media_type: str
    digest: str
    size: int
    artifact_type: str | None = None
    platform: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


class _Manifest(Value, rename="camel", omit_defaults=False):
    schema_version: int
    media_type: str
    artifact_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]
    subject: Descriptor


class _Index(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """Other fields than these are not written back: envkit's own tags and indexes have no others."""

    schema_version: int = 2
    media_type: str = _INDEX
    manifests: tuple[Descriptor, ...] = ()


class RegistryWriter(Registry):
    """Writes to the registries that images name, never to mirrors; one for all images of a command."""

    actions = "pull,push"

    def attach(self, image: str, document: Document) -> str:
        """Attach a document to an image that is named with its digest; returns the digest of what was attached.

        The same document attached again changes nothing. Raises `RegistryError`, and `ImageMissingError` when the
        registry does not have the image.
        """
        reference = parse_reference(image)
        place = self.own_place(reference)
        subject = self.manifest(image)
        content = document.text.encode()
        layer = self._put_blob(place, reference, content, document.media_type, {_TITLE: document.name})
        config = self._put_blob(place, reference, _EMPTY_CONTENT, _EMPTY, None)
        manifest = _Manifest(
            schema_version=2,
            media_type=_MANIFEST,
            artifact_type=document.media_type,
            config=config,
            layers=(layer,),
            subject=Descriptor(media_type=subject.media_type, digest=subject.digest, size=len(subject.body)),
        )
        body = _encoded(manifest)
        digest = _digest(body)
        reply = self._put_manifest(place, reference, digest, body, _MANIFEST)
        if "oci-subject" not in reply.headers:
            referrer = Descriptor(
                media_type=_MANIFEST, digest=digest, size=len(body), artifact_type=document.media_type
            )
            self._tag_referrer(place, reference, subject.digest, referrer)
        return digest

    def put_index(self, image: str, platforms: dict[str, str]) -> str:
        """Tag an index of images that the registry has, digests by platform; returns the digest of the index."""
        reference = parse_reference(image)
        place = self.own_place(reference)
        entries = []
        for platform, digest in sorted(platforms.items()):
            manifest = self.manifest(f"{reference.name}@{digest}")
            entries += self._entries(reference, platform, manifest)
        body = _encoded(_Index(manifests=tuple(entries)))
        self._put_manifest(place, reference, reference.tag or "latest", body, _INDEX)
        return _digest(body)

    def _entries(self, reference: ImageReference, platform: str, manifest: Manifest) -> list[Descriptor]:
        """Return the image of a platform, and what is attached to it where the digest is that of an index."""
        document = decode_answer(manifest.body, _Index, reference)
        if document.manifests:
            return [entry for entry in document.manifests if _is_for(entry, platform)]
        system, architecture, *variant = platform.split("/")
        named = {"os": system, "architecture": architecture} | ({"variant": variant[0]} if variant else {})
        return [
            Descriptor(media_type=manifest.media_type, digest=manifest.digest, size=len(manifest.body), platform=named)
        ]

    def _put_blob(
        self,
        place: RegistryPlace,
        reference: ImageReference,
        content: bytes,
        media_type: str,
        annotations: dict[str, str] | None,
    ) -> Descriptor:
        digest = _digest(content)
        descriptor = Descriptor(media_type=media_type, digest=digest, size=len(content), annotations=annotations)
        if self.call(place, reference, f"blobs/{digest}", method="HEAD").status == _FOUND:
            return descriptor
        started = self.call(place, reference, "blobs/uploads/", method="POST", body=b"")
        location = started.headers.get("location", "")
        if started.status not in _CREATED or not location:
            raise _refused(started, reference)
        address = urljoin(f"{place.server}/", location)
        joint = "&" if urlsplit(address).query else "?"
        headers = {"Content-Type": "application/octet-stream"}
        ended = self.call(
            place,
            reference,
            f"{address}{joint}{urlencode({'digest': digest})}",
            method="PUT",
            body=content,
            headers=headers,
        )
        if ended.status not in _CREATED:
            raise _refused(ended, reference)
        return descriptor

    def _put_manifest(
        self, place: RegistryPlace, reference: ImageReference, version: str, body: bytes, media_type: str
    ) -> Reply:
        headers = {"Content-Type": media_type}
        reply = self.call(place, reference, f"manifests/{version}", method="PUT", body=body, headers=headers)
        if reply.status not in _CREATED:
            raise _refused(reply, reference)
        return reply

    def _tag_referrer(
        self, place: RegistryPlace, reference: ImageReference, subject: str, referrer: Descriptor
    ) -> None:
        """Add to the index by which clients find what refers to an image where the registry does not tell them."""
        tag = subject.replace(":", "-")
        try:
            present = decode_answer(self.manifest(f"{reference.name}:{tag}").body, _Index, reference).manifests
        except ImageMissingError:
            present = ()
        others = tuple(entry for entry in present if entry.digest != referrer.digest)
        body = _encoded(_Index(manifests=(*others, referrer)))
        self._put_manifest(place, reference, tag, body, _INDEX)


def _is_for(entry: Descriptor, platform: str) -> bool:
    named = entry.platform or {}
    name = platform_name(named.get("os", ""), named.get("architecture", ""), named.get("variant", ""))
    return name == platform


def _encoded(value: object) -> bytes:
    return msgspec.json.encode(value, order="deterministic")


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _refused(reply: Reply, reference: ImageReference) -> RegistryError:
    return RegistryError(
        f"the registry did not take what was sent (HTTP {reply.status}): {reference}",
        facts=(reply.body[:200].decode(errors="replace"),),
        hints=(f"docker login {reference.registry}",),
    )
