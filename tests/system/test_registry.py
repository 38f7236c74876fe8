import base64
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest

from envkit.errors import DataError, ImageMissingError, RegistryError
from envkit.model.image import ImageReference
from envkit.model.sources import PackageSources, Setting
from envkit.system.registry import Registry, platform_name
from envkit.system.registry_login import Login, find_login
from envkit.system.registry_names import parse_reference

DIGEST = "sha256:" + "a" * 64
INDEX = "application/vnd.oci.image.index.v1+json"
IMAGE = "application/vnd.oci.image.manifest.v1+json"


def _digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


class RegistryServer:
    """A registry of one image for two platforms, that asks for a login in the way it is told to."""

    def __init__(self) -> None:
        self.challenge: str | None = None  # `Basic`, `Bearer`, or another word
        self.password = "s3cret"  # noqa: S105 - of this server alone
        self.status: int | None = None
        self.asked: list[str] = []
        self.forms: list[dict[str, list[str]]] = []
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, tuple[str, bytes]] = {}
        self._fill()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.path)
                server.answer(self, None)

            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                server.answer(self, parse_qs(self.rfile.read(length).decode()))

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def name(self) -> str:
        return f"127.0.0.1:{self._http.server_port}"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def _fill(self) -> None:
        entries = []
        for architecture, variant in (("amd64", ""), ("arm64", "v8")):
            configuration = {
                "os": "linux",
                "architecture": architecture,
                "variant": variant,
                "config": {"Env": ["PATH=/usr/bin", "PYTHON_VERSION=3.12.1"], "Labels": {"who": architecture}},
            }
            blob = json.dumps(configuration).encode()
            self.blobs[_digest(blob)] = blob
            manifest = json.dumps({"mediaType": IMAGE, "config": {"digest": _digest(blob)}}).encode()
            self.manifests[_digest(manifest)] = (IMAGE, manifest)
            platform = {"os": "linux", "architecture": architecture, "variant": variant}
            entries.append({"digest": _digest(manifest), "platform": platform})
        entries.append({"digest": DIGEST, "platform": {"os": "unknown", "architecture": "unknown"}})  # an attestation
        index = json.dumps({"mediaType": INDEX, "manifests": entries}).encode()
        self.index_digest = _digest(index)
        for version in ("1.0", self.index_digest):
            self.manifests[version] = (INDEX, index)
        self.single = entries[0]["digest"]
        self.manifests["single"] = self.manifests[str(self.single)]

    def answer(self, request: BaseHTTPRequestHandler, form: dict[str, list[str]] | None) -> None:
        status, headers, body = self._reply(request, form)
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def _reply(
        self, request: BaseHTTPRequestHandler, form: dict[str, list[str]] | None
    ) -> tuple[int, dict[str, str], bytes]:
        path = urlsplit(request.path).path
        given = request.headers.get("Authorization", "")
        if path == "/token":
            return self._token(given, form)
        if self.status is not None:
            return self.status, {}, b"not now"
        right = self._basic() if self.challenge == "Basic" else "Bearer t0ken"
        if self.challenge is not None and given != right:
            realm = f'realm="http://{self.name}/token",service="registry"'
            return 401, {"WWW-Authenticate": f"{self.challenge} {realm}"}, b"{}"
        _, _, kind, version = path.rsplit("/", 3)
        if kind == "blobs" and version in self.blobs:
            return 200, {"Content-Type": "application/octet-stream"}, self.blobs[version]
        if kind == "manifests" and version in self.manifests:
            media_type, body = self.manifests[version]
            return 200, {"Content-Type": media_type}, body
        return 404, {}, b'{"errors": []}'

    def _token(self, given: str, form: dict[str, list[str]] | None) -> tuple[int, dict[str, str], bytes]:
        if form is not None:
            self.forms.append(form)
            right = form["refresh_token"] == [self.password]
        else:
            right = given in {"", self._basic()}
        return (200, {}, b'{"token": "t0ken"}') if right else (401, {}, b"{}")

    def _basic(self) -> str:
        return "Basic " + base64.b64encode(f"me:{self.password}".encode()).decode()


@pytest.fixture
def server() -> Iterator[RegistryServer]:
    made = RegistryServer()
    yield made
    made.close()


def registry(login: Login | None = None, mirrors: dict[str, str] | None = None) -> Registry:
    return Registry(PackageSources(), mirrors=mirrors, logins=lambda _: login, pause_seconds=0.01)


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("python:3.12", ImageReference(registry="docker.io", repository="library/python", tag="3.12")),
        ("docker.io/python", ImageReference(registry="docker.io", repository="library/python")),
        ("rocm/pytorch", ImageReference(registry="docker.io", repository="rocm/pytorch")),
        ("localhost/x:1", ImageReference(registry="localhost", repository="x", tag="1")),
        ("[::1]:5000/x", ImageReference(registry="[::1]:5000", repository="x")),
        ("ghcr.io/a/b__c:1@" + DIGEST, ImageReference(registry="ghcr.io", repository="a/b__c", tag="1", digest=DIGEST)),
    ],
)
def test_names_are_read_as_the_docker_command_does(image: str, expected: ImageReference) -> None:
    assert parse_reference(image) == expected


@pytest.mark.parametrize("image", ["", "Python:3", "a b", "x@sha256:12", "../x", "x:tag:tag", "--help", "x\ny", "a//b"])
def test_other_texts_are_no_names_of_images(image: str) -> None:
    with pytest.raises(DataError, match="not the name of an image"):
        parse_reference(image)


def test_digest_of_a_tag_and_of_each_platform_but_not_of_attestations(server: RegistryServer) -> None:
    found = registry().image(f"{server.name}/team/base:1.0")
    assert found.digest == server.index_digest
    assert sorted(found.platforms) == ["linux/amd64", "linux/arm64"]
    assert found.platforms["linux/amd64"] == server.single


def test_image_of_one_platform_tells_it_in_its_configuration(server: RegistryServer) -> None:
    found = registry().image(f"{server.name}/team/base:single")
    assert (found.digest, found.platforms) == (server.single, {"linux/amd64": server.single})


def test_configuration_has_environment_and_labels(server: RegistryServer) -> None:
    found = registry().configuration(f"{server.name}/team/base:1.0", "linux/arm64")
    assert (found.platform, found.labels, found.environment["PYTHON_VERSION"]) == (
        "linux/arm64",
        {"who": "arm64"},
        "3.12.1",
    )
    with pytest.raises(ImageMissingError, match="linux/s390x"):
        registry().configuration(f"{server.name}/team/base:1.0", "linux/s390x")


def test_token_is_fetched_once_without_a_login_where_the_registry_is_public(server: RegistryServer) -> None:
    server.challenge = "Bearer"
    asking = registry()
    asking.image(f"{server.name}/team/base:1.0")
    asking.image(f"{server.name}/team/base:single")
    assert [path for path in server.asked if path.startswith("/token")] == [
        "/token?service=registry&scope=repository%3Ateam%2Fbase%3Apull"
    ]


@pytest.mark.parametrize("challenge", ["Bearer", "Basic"])
def test_login_opens_a_registry_and_a_wrong_one_does_not(server: RegistryServer, challenge: str) -> None:
    server.challenge = challenge
    right = Login(name="me", password=server.password)
    assert registry(right).image(f"{server.name}/team/base:1.0").digest == server.index_digest
    with pytest.raises(RegistryError, match="asks for a login, or refuses this one") as caught:
        registry(Login(name="me", password="guess")).image(f"{server.name}/team/base:1.0")  # noqa: S106 - a wrong one
    assert caught.value.hints == (f"docker login {server.name}",)
    assert "guess" not in str(caught.value.facts)


def test_identity_token_is_changed_for_a_token(server: RegistryServer) -> None:
    server.challenge = "Bearer"
    registry(Login(identity_token=server.password)).image(f"{server.name}/team/base:1.0")
    assert server.forms[0]["grant_type"] == ["refresh_token"]


def test_challenge_of_an_unknown_kind_is_named(server: RegistryServer) -> None:
    server.challenge = "Negotiate"
    with pytest.raises(RegistryError, match="a login of a kind that envkit does not know"):
        registry().image(f"{server.name}/team/base:1.0")


def test_missing_image_and_broken_registry_are_told_apart(server: RegistryServer) -> None:
    with pytest.raises(ImageMissingError, match="no such image"):
        registry().image(f"{server.name}/team/base:9")
    server.status = 500
    with pytest.raises(RegistryError, match="could not be reached") as caught:
        registry().image(f"{server.name}/team/base:1.0")
    assert not isinstance(caught.value, ImageMissingError)
    assert int(caught.value.status) == 9


def test_server_that_did_not_answer_is_not_asked_again(server: RegistryServer) -> None:
    asking = registry()
    server.status = 503
    for _ in range(3):
        with pytest.raises(RegistryError, match="could not be reached"):
            asking.image(f"{server.name}/team/base:1.0")
    assert len(server.asked) == 3  # the attempts of the first time


def test_answer_that_is_not_the_digest_asked_for_is_refused(server: RegistryServer) -> None:
    server.manifests[DIGEST] = server.manifests["1.0"]
    with pytest.raises(DataError, match="something else than it was asked for"):
        registry().image(f"{server.name}/team/base@{DIGEST}")


def test_mirror_is_asked_with_its_prefix_and_its_own_login(server: RegistryServer) -> None:
    seen: list[str] = []

    def login(name: str) -> Login | None:
        seen.append(name)
        return Login(name="me", password=server.password)

    server.challenge = "Basic"
    mirrored = Registry(PackageSources(), mirrors={"docker.io": f"{server.name}/hub"}, logins=login)
    assert mirrored.image("python:1.0").digest == server.index_digest
    assert (seen, server.asked[0]) == ([server.name], "/v2/hub/library/python/manifests/1.0")


def test_mirrors_of_the_settings_count(server: RegistryServer) -> None:
    sources = PackageSources(mirrors={"docker.io": Setting(value=f"http://{server.name}", origin="test")})
    assert Registry(sources).image("python:1.0").source == f"http://{server.name}"


def test_registry_itself_is_asked_where_the_mirror_has_nothing(server: RegistryServer) -> None:
    other = RegistryServer()
    try:
        other.manifests.clear()
        found = registry(mirrors={server.name: f"http://{other.name}"}).image(f"{server.name}/team/base:1.0")
        assert found.source == f"http://{server.name}"
        assert other.asked == [f"/v2/team/base/manifests/1.0?ns={server.name}"]
    finally:
        other.close()


def test_login_is_not_sent_in_the_clear() -> None:
    asking = registry(Login(name="me", password="x"), {"docker.io": "http://registry.invalid"})  # noqa: S106 - any
    with pytest.raises(RegistryError) as caught:
        asking._authorize("Basic", asking._places(parse_reference("python"))[0], "python")  # noqa: SLF001 - no server
    assert "without encryption" in caught.value.message


def test_offline_asks_nobody(server: RegistryServer) -> None:
    with pytest.raises(RegistryError, match="could not be reached") as caught:
        Registry(PackageSources(offline=True)).image(f"{server.name}/team/base:1.0")
    assert "offline was asked for" in caught.value.facts[0]
    assert server.asked == []


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (("linux", "arm64", "v8"), "linux/arm64"),
        (("linux", "arm", "v7"), "linux/arm/v7"),
        (("linux", "amd64"), "linux/amd64"),
    ],
)
def test_platforms_are_written_as_the_docker_command_does(parts: tuple[str, ...], name: str) -> None:
    assert platform_name(*parts) == name


def _auth(name: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{name}:{password}".encode()).decode()}


@pytest.fixture
def configured(tmp_path: Path) -> Callable[[object], dict[str, str]]:
    def write(document: object) -> dict[str, str]:
        (tmp_path / "config.json").write_text(document if isinstance(document, str) else json.dumps(document))
        return {"DOCKER_CONFIG": str(tmp_path), "HOME": str(tmp_path / "home")}

    return write


def test_logins_of_docker_hub_and_others_are_found(configured: Callable[[object], dict[str, str]]) -> None:
    environment = configured({"auths": {"https://index.docker.io/v1/": _auth("a", "b:c"), "ghcr.io": _auth("d", "e")}})
    assert find_login("docker.io", environment) == Login(name="a", password="b:c")  # noqa: S106 - of this test
    assert find_login("ghcr.io", environment) == Login(name="d", password="e")  # noqa: S106 - of this test
    assert find_login("quay.io", environment) is None


def test_credential_helper_is_asked(
    tmp_path: Path, configured: Callable[[object], dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    helper = tmp_path / "docker-credential-demo"
    helper.write_text('#!/bin/sh\nread server\nprintf \'{"Username": "%s", "Secret": "s"}\' "$server"\n')
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    environment = configured({"credHelpers": {"ghcr.io": "demo"}, "credsStore": "not-installed"})
    assert find_login("ghcr.io", environment) == Login(name="ghcr.io", password="s")  # noqa: S106 - of this test
    assert find_login("quay.io", environment) is None


@pytest.mark.parametrize("text", ["{", '{"auths": []}', '{"auths": {"ghcr.io": {"auth": "*"}}}'])
def test_damaged_file_with_logins_is_named(text: str, configured: Callable[[object], dict[str, str]]) -> None:
    with pytest.raises(DataError, match=r"config\.json"):
        find_login("ghcr.io", configured(text))


def test_login_of_podman_is_found(tmp_path: Path) -> None:
    (tmp_path / "auth.json").write_text(json.dumps({"auths": {"quay.io": _auth("p", "q")}}))
    environment = {"REGISTRY_AUTH_FILE": str(tmp_path / "auth.json"), "HOME": str(tmp_path)}
    assert find_login("quay.io", environment) == Login(name="p", password="q")  # noqa: S106 - of this test


@pytest.mark.engine
@pytest.mark.usefixtures("engine_ready")
def test_real_registry_tells_the_digest_that_the_engine_runs_it_by() -> None:
    address = os.environ.get("ENVKIT_TEST_REGISTRY")
    if address is None:
        pytest.skip("no local registry: `ENVKIT_TEST_REGISTRY` is not set")
    from envkit.engines.backends.docker_client import DockerClient

    asking = registry(mirrors={"docker.io": f"http://{address}"})
    found = asking.image("python:3.11-slim-bookworm")
    assert found.digest == DockerClient().registry_image("python:3.11-slim-bookworm").digest
    assert asking.image(f"python@{found.digest}").digest == found.digest
    assert asking.configuration("python:3.11-slim-bookworm", "linux/amd64").platform == "linux/amd64"
    with pytest.raises(ImageMissingError):
        Registry(PackageSources()).image(f"{address}/library/python:no-such-tag")
