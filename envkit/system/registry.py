"""Reading from image registries (https://github.com/opencontainers/distribution-spec): digests and configurations."""

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

import msgspec

from envkit.errors import DataError, EnvkitError, ImageMissingError, IndexUnreachableError, RegistryError
from envkit.model.address import display_url
from envkit.model.image import DOCKER_HUB, ImageConfiguration, ImageReference, Manifest, RegistryImage
from envkit.model.loopback import is_loopback
from envkit.model.sources import PackageSources
from envkit.system.http import Client, Reply
from envkit.system.registry_login import Login, find_login
from envkit.system.registry_names import parse_reference

_INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
_IMAGES = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
_ACCEPT = ", ".join((*_INDEXES, *_IMAGES))
_HUB_SERVER = "https://registry-1.docker.io"
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_OK, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = 200, 401, 403, 404
_CLIENT_ID = "envkit"
_NEXT = re.compile(r'<([^>]*)>\s*;\s*rel="?next"?')
_PAGES = 100
_Content = bytes  # a property of the class below has its name
_Kind = TypeVar("_Kind")


class _Platform(msgspec.Struct):
    os: str = "unknown"
    architecture: str = "unknown"
    variant: str = ""


class _Descriptor(msgspec.Struct):
    digest: str
    media_type: str = msgspec.field(name="mediaType", default="")
    platform: _Platform | None = None


class _Document(msgspec.Struct):
    media_type: str = msgspec.field(name="mediaType", default="")
    manifests: list[_Descriptor] | None = None
    config: _Descriptor | None = None


class _Inner(msgspec.Struct):
    environment: list[str] | None = msgspec.field(name="Env", default=None)
    labels: dict[str, str] | None = msgspec.field(name="Labels", default=None)


class _Configuration(msgspec.Struct):
    os: str = "unknown"
    architecture: str = "unknown"
    variant: str = ""
    config: _Inner | None = None


class _Tags(msgspec.Struct):
    tags: list[str] | None = None


class _Token(msgspec.Struct):
    token: str = ""
    access_token: str = ""


class RegistryPlace(msgspec.Struct, frozen=True, kw_only=True):
    """A server that has the images of a registry, and where below it they lie."""

    server: str  # https://registry.example.com
    prefix: str = ""  # hub
    login: str  # the registry whose login holds there
    mirror: bool = False


class Registry:
    """Reads from registries and the mirrors that stand in for them; one for all images of a command."""

    actions = "pull"  # what a login is asked for

    def __init__(
        self,
        sources: PackageSources,
        *,
        mirrors: Mapping[str, str] | None = None,
        logins: Callable[[str], Login | None] = find_login,
        pause_seconds: float = 0.5,
    ) -> None:
        """Take proxies, certificates and mirrors of `sources`; `mirrors` replace those: `docker.io` → `host/prefix`."""
        self._client = Client(sources, pause_seconds=pause_seconds, attempts=3)
        configured = {name: setting.value for name, setting in sources.mirrors.items()}
        self._mirrors = dict(configured if mirrors is None else mirrors)
        self._logins = logins
        self._authorizations: dict[tuple[str, str], dict[str, str]] = {}
        self._silent: dict[str, RegistryError] = {}  # by server: one that did not answer is not asked again

    def image(self, image: str) -> RegistryImage:
        """Return the digest of an image and of each of its platforms.

        Raises `ImageMissingError`, `RegistryError`, and `DataError` for what is no name of an image.
        """
        reference = parse_reference(image)
        place, manifest = self._manifest(reference, reference.version)
        document = decode_answer(manifest.body, _Document, reference)
        if document.manifests is not None:
            platforms = {
                platform_name(each.platform.os, each.platform.architecture, each.platform.variant): each.digest
                for each in reversed(document.manifests)  # the first of a platform is the one that is pulled
                if each.platform is not None and each.platform.os != "unknown"
            }
        elif document.config is not None:
            configuration = self._configuration(place, reference, document.config.digest)
            platforms = {configuration.platform: manifest.digest}
        else:
            platforms = {}
        return RegistryImage(
            reference=reference,
            digest=manifest.digest,
            media_type=manifest.media_type,
            platforms=dict(sorted(platforms.items())),
            source=display_url(place.server),
        )

    def manifest(self, image: str) -> Manifest:
        """Return the index or manifest of an image as it is; raises as `image` does."""
        reference = parse_reference(image)
        return self._manifest(reference, reference.version)[1]

    def configuration(self, image: str, platform: str) -> ImageConfiguration:
        """Return what the image for a platform says of itself; raises as `image` does."""
        found = self.image(image)
        digest = found.platforms.get(platform)
        if digest is None:
            raise ImageMissingError(
                f"the image is not there for platform `{platform}`: {found.reference}",
                facts=(f"platforms: {', '.join(found.platforms) or 'none named'}",),
            )
        place, manifest = self._manifest(found.reference, digest)
        document = decode_answer(manifest.body, _Document, found.reference)
        if document.config is None:
            raise DataError(f"the manifest names no configuration: {found.reference}")
        return self._configuration(place, found.reference, document.config.digest)

    def tags(self, repository: str) -> tuple[str, ...]:
        """Return the tags of the images in a repository, page by page as the registry gives them; raises as `image`."""
        reference = parse_reference(repository)
        place, what = RegistryPlace(server=registry_server(reference.registry), login=reference.registry), "tags/list"
        tags: list[str] = []
        for _ in range(_PAGES):
            reply = self._read(place, reference, what, accept="application/json")
            tags += decode_answer(reply.body, _Tags, reference).tags or ()
            following = _NEXT.search(reply.headers.get("link", ""))
            if following is None:
                return tuple(tags)
            what = f"tags/list?{urlsplit(following[1]).query}"
        raise DataError(f"the registry's list of tags does not end: {reference.name}")

    @property
    def requests(self) -> int:
        """How many requests were made."""
        return self._client.requests

    @property
    def bytes(self) -> int:
        """How many bytes of content were received."""
        return self._client.bytes

    def _manifest(self, reference: ImageReference, version: str) -> tuple[RegistryPlace, Manifest]:
        """Ask the mirror first, where there is one, and then the registry itself."""
        failures: list[EnvkitError] = []
        for place in self._places(reference):
            try:
                reply = self._read(place, reference, f"manifests/{version}", accept=_ACCEPT)
            except RegistryError as error:
                failures.append(error)
                continue
            digest = f"sha256:{hashlib.sha256(reply.body).hexdigest()}"
            if version.startswith("sha256:") and digest != version:
                raise DataError(f"the registry sent something else than it was asked for: {reference}", facts=(digest,))
            kind = reply.headers.get("content-type", "").partition(";")[0].strip()
            return place, Manifest(digest=digest, media_type=kind, body=reply.body)
        last = failures[-1]
        earlier = tuple(failure.message for failure in failures[:-1])
        raise type(last)(last.message, facts=(*last.facts, *earlier), hints=last.hints) from last

    def _configuration(self, place: RegistryPlace, reference: ImageReference, digest: str) -> ImageConfiguration:
        reply = self._read(place, reference, f"blobs/{digest}", accept="*/*")
        if digest != f"sha256:{hashlib.sha256(reply.body).hexdigest()}":
            raise DataError(f"the registry sent something else than it was asked for: {reference}", facts=(digest,))
        document = decode_answer(reply.body, _Configuration, reference)
        inner = document.config or _Inner()
        pairs = (text.partition("=") for text in inner.environment or ())
        return ImageConfiguration(
            digest=digest,
            platform=platform_name(document.os, document.architecture, document.variant),
            environment={name: value for name, _, value in pairs},
            labels=inner.labels or {},
        )

    @staticmethod
    def own_place(reference: ImageReference) -> RegistryPlace:
        """Return the registry that an image names, not a mirror of it."""
        return RegistryPlace(server=registry_server(reference.registry), login=reference.registry)

    def _places(self, reference: ImageReference) -> tuple[RegistryPlace, ...]:
        own = self.own_place(reference)
        mirror = self._mirrors.get(reference.registry)
        if mirror is None:
            return (own,)
        scheme, separator, rest = mirror.partition("://")
        host, _, prefix = (rest if separator else mirror).strip("/").partition("/")
        server = f"{scheme}://{host}" if separator else registry_server(host)
        return (RegistryPlace(server=server, prefix=prefix, login=urlsplit(server).netloc, mirror=True), own)

    def _read(self, place: RegistryPlace, reference: ImageReference, what: str, *, accept: str) -> Reply:
        reply = self.call(place, reference, what, headers={"Accept": accept})
        return _checked(reply, reply.url, reference, place)

    def call(
        self,
        place: RegistryPlace,
        reference: ImageReference,
        what: str,
        *,
        method: str = "GET",
        body: _Content | None = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        """Ask for a page below an image's repository, or a whole address, logging in where the registry wants it.

        Raises `RegistryError` when the registry does not answer or refuses the login.
        """
        repository = "/".join(filter(None, (place.prefix, reference.repository)))
        url = what if "://" in what else f"{place.server}/v2/{repository}/{what}"
        if place.mirror and place.prefix == "" and reference.registry != DOCKER_HUB:
            url += f"?ns={reference.registry}"  # by which a pull-through cache of several registries tells them apart
        key = (place.server, repository)
        given = headers or {}
        reply = self._request(url, given | self._authorizations.get(key, {}), body, method)
        if reply.status == _UNAUTHORIZED:
            challenge = reply.headers.get("www-authenticate", "")
            self._authorizations[key] = {"Authorization": self._authorize(challenge, place, repository)}
            reply = self._request(url, given | self._authorizations[key], body, method)
        return reply

    def _request(
        self,
        url: str,
        headers: dict[str, str],
        form: dict[str, str] | _Content | None = None,
        method: str | None = None,
    ) -> Reply:
        server = urlsplit(url).netloc
        if server in self._silent:
            raise self._silent[server]
        try:
            return self._client.ask(url, headers, form=form, method=method)
        except IndexUnreachableError as error:
            silence = RegistryError(f"a registry could not be reached: {server}", facts=(error.message,))
            self._silent[server] = silence
            raise silence from error

    def _authorize(self, challenge: str, place: RegistryPlace, repository: str) -> str:
        """Return the header that answers a challenge; see https://distribution.github.io/distribution/spec/auth/token/."""
        kind, _, rest = challenge.partition(" ")
        fields = dict(_CHALLENGE.findall(rest))
        login = self._logins(place.login)
        if kind.lower() == "basic":
            if login is None:
                raise _login_needed(place)
            _require_private(place.server)
            return login.header
        realm = fields.get("realm", "")
        if kind.lower() != "bearer" or urlsplit(realm).scheme not in {"http", "https"}:
            raise RegistryError(
                f"the registry asks for a login of a kind that envkit does not know: {urlsplit(place.server).netloc}",
                facts=(f"WWW-Authenticate: {challenge[:200]}",),
            )
        asked = {"service": fields.get("service", ""), "scope": f"repository:{repository}:{self.actions}"}
        return self._token(realm, asked, login, place)

    def _token(self, realm: str, asked: dict[str, str], login: Login | None, place: RegistryPlace) -> str:
        if login is not None:
            _require_private(realm)
        if login is not None and login.identity_token is not None:
            form = asked | {
                "grant_type": "refresh_token",
                "refresh_token": login.identity_token,
                "client_id": _CLIENT_ID,
            }
            reply = self._request(realm, {"Accept": "application/json"}, form)
        else:
            headers = {"Accept": "application/json"} | ({} if login is None else {"Authorization": login.header})
            joint = "&" if urlsplit(realm).query else "?"
            reply = self._request(f"{realm}{joint}{urlencode(asked)}", headers)
        if reply.status in {_UNAUTHORIZED, _FORBIDDEN}:
            raise _login_needed(place)
        try:
            answer = msgspec.json.decode(reply.body, type=_Token)
        except msgspec.MsgspecError as error:
            raise _no_token(place, reply) from error
        token = answer.token or answer.access_token
        if reply.status != _OK or not token:
            raise _no_token(place, reply)
        return f"Bearer {token}"


def platform_name(system: str, architecture: str, variant: str = "") -> str:
    """Return a platform as the docker command writes it: `linux/amd64`, `linux/arm/v7`, but not `linux/arm64/v8`."""
    usual = (architecture, variant) in {("arm64", "v8"), ("amd64", "v1")}
    return "/".join((system, architecture, *((variant,) if variant and not usual else ())))


def registry_server(registry: str) -> str:
    """Return where a registry listens: one on this machine itself is asked without TLS, as the docker command does."""
    if registry == DOCKER_HUB:
        return _HUB_SERVER
    return f"{'http' if is_loopback(registry) else 'https'}://{registry}"


def _require_private(url: str) -> None:
    """Refuse to send a login where everybody on the way could read it."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise RegistryError(f"the login would be sent without encryption, so it is not sent: {parts.netloc}")


def _checked(reply: Reply, url: str, reference: ImageReference, place: RegistryPlace) -> Reply:
    server = urlsplit(place.server).netloc
    if reply.status == _OK:
        return reply
    if reply.status == _NOT_FOUND:
        raise ImageMissingError(f"the registry has no such image: {reference}", facts=(f"asked: {server}",))
    if reply.status in {_UNAUTHORIZED, _FORBIDDEN}:
        raise _login_needed(place)
    raise RegistryError(
        f"the registry refused to answer (HTTP {reply.status}): {display_url(url)}",
        facts=(reply.body[:200].decode(errors="replace"),),
    )


def _login_needed(place: RegistryPlace) -> RegistryError:
    server = urlsplit(place.server).netloc
    named = "" if place.login == DOCKER_HUB else f" {place.login}"
    return RegistryError(
        f"the registry asks for a login, or refuses this one: {server}", hints=(f"docker login{named}",)
    )


def _no_token(place: RegistryPlace, reply: Reply) -> RegistryError:
    return RegistryError(
        f"the registry's login server gave no token (HTTP {reply.status}): {urlsplit(place.server).netloc}"
    )


def decode_answer(body: bytes, kind: type[_Kind], reference: ImageReference) -> _Kind:
    """Decode what a registry answered about an image; raises `DataError` for anything else."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise DataError(f"the registry's answer is not what it should be: {reference}", facts=(str(error),)) from error
