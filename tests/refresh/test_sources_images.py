"""`nvidia-images`: what the configurations of images say, read from registries that are really there."""

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from envkit.data import decode_document, load_vendors
from envkit.data.canonical import canonical_document
from envkit.errors import DataError, NetworkError
from envkit.model.provenance import Source
from envkit.model.sources import PackageSources
from envkit.model.vendor import AdmissionRow, Vendor
from envkit.refresh.cache import Cache
from envkit.refresh.sources import SourceRefreshed, refresh_from
from envkit.refresh.sources.nvidia_images import newest_tags, parse_condition
from envkit.refresh.upstream import PageReader, UpstreamRow, Upstreams, find_upstreams
from envkit.system.http import Client
from envkit.system.registry import Registry
from tests.cli.conftest import Home

OLD = "cuda>=12.4 brand=tesla,driver>=470,driver<471 brand=geforce,driver>=470,driver<471"
NEW = "cuda>=13.0 brand=unknown,driver>=535,driver<536 brand=tesla,driver>=535,driver<536"
NEW += " brand=tesla,driver>=550,driver<551"
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


class TokenRegistry:
    """A registry that wants a token for everything, and gives its list of tags in pages of two."""

    def __init__(self) -> None:
        self.tags: dict[str, bytes] = {}
        self.contents: dict[str, tuple[str, bytes]] = {}
        self.seen: list[str] = []
        self.body: bytes | None = None  # in the place of every answer
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                registry.seen.append(self.path)
                registry.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._http.server_port}"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def push(self, tag: str, environment: list[str]) -> None:
        """Have an image of two platforms, of which the other one is without the variable."""
        children = []
        for architecture, variables in (("arm64", ["PATH=/bin"]), ("amd64", environment)):
            configuration = {"os": "linux", "architecture": architecture, "config": {"Env": variables}}
            blob = json.dumps(configuration).encode()
            manifest = json.dumps({"mediaType": MANIFEST, "config": {"digest": digest(blob)}}).encode()
            self.contents[digest(blob)] = ("application/octet-stream", blob)
            self.contents[digest(manifest)] = (MANIFEST, manifest)
            platform = {"os": "linux", "architecture": architecture}
            children.append({"digest": digest(manifest), "mediaType": MANIFEST, "platform": platform})
        self.tags[tag] = json.dumps({"mediaType": INDEX, "manifests": children}).encode()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        address = urlsplit(request.path)
        query = parse_qs(address.query)
        name = address.path.rpartition("/")[2]
        headers: dict[str, str] = {}
        status, kind, body = 200, "application/json", b"{}"
        if address.path == "/token":
            assert query["scope"] == ["repository:nvidia/cuda:pull"]
            body = b'{"token": "t0ken"}'
        elif request.headers.get("Authorization") != "Bearer t0ken":
            status = 401
            headers["WWW-Authenticate"] = f'Bearer realm="http://{self.host}/token",service="here"'
        elif self.body is not None:
            body = self.body
        elif name == "list":
            every = sorted(self.tags)
            begin = every.index(query["last"][0]) + 1 if "last" in query else 0
            body = json.dumps({"name": "nvidia/cuda", "tags": every[begin : begin + 2]}).encode()
            if begin + 2 < len(every):
                headers["Link"] = f'</v2/nvidia/cuda/tags/list?last={every[begin + 1]}&n=2>; rel="next"'
        elif name in self.tags:
            kind, body = INDEX, self.tags[name]
        elif name in self.contents:
            kind, body = self.contents[name]
        else:
            status = 404
        request.send_response(status)
        for header, value in ({"Content-Type": kind, "Content-Length": str(len(body))} | headers).items():
            request.send_header(header, value)
        request.end_headers()
        request.wfile.write(body)


@pytest.fixture
def registry() -> Iterator[TokenRegistry]:
    registry = TokenRegistry()
    registry.push("12.4.0-base-ubuntu22.04", [f"NVIDIA_REQUIRE_CUDA={OLD} brand=grid,driver>=470,driver<471"])
    registry.push("12.4.1-base-ubuntu20.04", ["NVIDIA_REQUIRE_CUDA=wrong"])
    registry.push("12.4.1-base-ubuntu22.04", [f"NVIDIA_REQUIRE_CUDA={OLD}"])
    registry.push("13.0.0-base-ubuntu24.04", ["PATH=/bin", f"NVIDIA_REQUIRE_CUDA={NEW}"])
    registry.push("13.0.0-devel-ubuntu24.04", [])
    yield registry
    registry.close()


def upstream(host: str) -> UpstreamRow:
    (row,) = find_upstreams(("nvidia-images",))
    return msgspec.structs.replace(row, url=f"{host}/nvidia/cuda")


def vendor(*rows: AdmissionRow) -> Vendor:
    people = {"people": Source(text="what people know", retrieved="2026-01-01")}
    return Vendor(name="acme", title="Acme", pci_vendors=("f00d",), sources=people, admissions=rows)


ANY = AdmissionRow(images="nvidia/cuda:*", source="people")


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., SourceRefreshed[Vendor]]:
    def read(row: UpstreamRow, document: Vendor, *, offline: bool = False) -> SourceRefreshed[Vendor]:
        sources = PackageSources(offline=offline)
        registry = Registry(sources, logins=lambda _: None, pause_seconds=0.01)
        reader = PageReader(Client(sources), Cache(tmp_path / "cache"), registry=registry, offline=offline)
        return refresh_from(row, reader, document, "2026-06-01")

    return read


Read = Callable[..., SourceRefreshed[Vendor]]


def test_images_without_a_row_get_one_from_the_newest_tag_of_each_minor(registry: TokenRegistry, read: Read) -> None:
    refreshed = read(upstream(registry.host), vendor(ANY))
    assert refreshed.document.admissions == (
        ANY,
        AdmissionRow(
            images="nvidia/cuda:12.4.*",
            source="admission-images",
            runtime="12.4",
            branches=(470,),
            categories=("datacenter", "geforce"),
        ),
        AdmissionRow(
            images="nvidia/cuda:13.0.*",
            source="admission-images",
            runtime="13.0",
            branches=(535, 550),
            categories=("datacenter",),
        ),
    )
    assert refreshed.document.sources["admission-images"].retrieved == "2026-06-01"
    assert [(change.release, change.text) for change in refreshed.changes] == [
        (
            "nvidia/cuda:13.0",
            "new, drivers for 13.0 or of branches 535, 550 with datacenter devices, of 13.0.0-base-ubuntu24.04",
        ),
        (
            "nvidia/cuda:12.4",
            "new, drivers for 12.4 or of branches 470 with datacenter and geforce devices, of 12.4.1-base-ubuntu22.04",
        ),
    ]
    assert refreshed.observed[0].values == ("13.0.0-base-ubuntu24.04", "13.0", "tesla: 535, 550", "unknown: 535")
    again = read(upstream(registry.host), refreshed.document)
    assert (again.document, again.changes) == (refreshed.document, ())


def test_a_row_that_people_wrote_is_kept_and_a_difference_shouted(registry: TokenRegistry, read: Read) -> None:
    mine = AdmissionRow(
        images="nvidia/cuda:12.4*", source="people", runtime="12.4", branches=(470, 525), categories=("datacenter",)
    )
    refreshed = read(upstream(registry.host), vendor(ANY, mine))
    assert mine in refreshed.document.admissions
    (conflict,) = [change for change in refreshed.changes if change.loud]
    assert (conflict.kind, conflict.release) == ("conflict", "nvidia/cuda:12.4")
    assert "`nvidia/cuda:12.4*` disagrees: the row has drivers for 12.4 or of branches 470, 525" in conflict.text


def test_what_a_row_cannot_say_is_left_to_people(registry: TokenRegistry, read: Read) -> None:
    text = "cuda>=13.1 brand=tesla,driver>=535,driver<536 brand=tesla,driver>=550,driver<551 "
    text += "brand=geforce,driver>=550,driver<551 brand=newone,driver>=550,driver<551"
    registry.tags.clear()
    registry.push("13.1.0-base-ubuntu24.04", [f"NVIDIA_REQUIRE_CUDA={text}"])
    refreshed = read(upstream(registry.host), vendor())
    (row,) = refreshed.document.admissions
    assert (row.branches, row.categories) == ((535, 550), ("datacenter",))
    assert [change.text for change in refreshed.changes if change.kind == "curate"] == [
        "brand `newone` is not known here: add it to `images.brands` of the source",
        "geforce devices are admitted under fewer branches, 550: the row leaves them out",
    ]


def test_an_image_that_cannot_be_understood_does_not_lose_the_others(registry: TokenRegistry, read: Read) -> None:
    registry.push("13.1.0-base-ubuntu24.04", ["NVIDIA_REQUIRE_CUDA=cuda>=13.1 brand=tesla,driver>=580"])
    registry.push("13.2.0-base-ubuntu24.04", ["PATH=/bin"])
    refreshed = read(upstream(registry.host), vendor())
    assert [row.runtime for row in refreshed.document.admissions] == ["12.4", "13.0"]
    assert [gap.fact.rpartition(":")[2] for gap in refreshed.gaps] == [
        "13.2.0-base-ubuntu24.04",
        "13.1.0-base-ubuntu24.04",
    ]
    missing, unknown = [gap.reason for gap in refreshed.gaps]
    assert "another form than is known here, no `NVIDIA_REQUIRE_CUDA` in" in missing
    assert "in the condition of 13.1.0-base-ubuntu24.04 `brand=tesla,driver>=580`" in unknown


def test_the_last_answers_are_taken_offline(registry: TokenRegistry, read: Read) -> None:
    row = upstream(registry.host)
    with pytest.raises(NetworkError, match="nothing is remembered of the image, and offline was asked for"):
        read(row, vendor(), offline=True)
    refreshed = read(row, vendor())
    count = len(registry.seen)
    assert read(row, vendor(), offline=True).document == refreshed.document
    assert len(registry.seen) == count


@pytest.mark.parametrize("body", [b"<html>Log in</html>", b'{"tags": "all"}', b"[]", b'{"tags": null}', b"\xff"])
def test_a_registry_that_answers_with_something_else_is_an_error(
    registry: TokenRegistry, read: Read, body: bytes
) -> None:
    registry.body = body
    with pytest.raises((DataError, NetworkError)):
        read(upstream(registry.host), vendor())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cuda",
        "cuda>=12",
        "cuda>=12.4 cuda>=12.5",
        "brand=tesla,driver>=470,driver<471",
        "cuda>=12.4 brand=tesla",
        "cuda>=12.4 brand=tesla,driver>=470,driver<535",
        "cuda>=12.4 arch=arm64",
        "cuda>=12.4,brand=tesla",
    ],
)
def test_a_condition_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="another form"):
        parse_condition(text, "tag", "docker.io/x")


def test_the_newest_tag_of_each_minor_version_is_taken() -> None:
    tags = (
        "12.4.1-base-ubuntu20.04",
        "12.10.0-base-ubuntu22.04",
        "12.4.10-base-ubuntu20.04",
        "12.4.1-base-ubuntu22.04",
    )
    tags += ("latest", "12.5-base-ubuntu22.04", "x12.6.0-base-ubuntu22.04", "12.9.99999-base-ubuntu22.04")
    assert newest_tags(tags, "{version}-base-ubuntu*") == {
        "12.10": "12.10.0-base-ubuntu22.04",
        "12.4": "12.4.10-base-ubuntu20.04",
    }


def test_the_rows_of_nvidia_that_were_read_from_images_agree_with_their_conditions() -> None:
    (row,) = find_upstreams(("nvidia-images",))
    (nvidia,) = [vendor for vendor in load_vendors() if vendor.name == row.document]
    assert row.images is not None
    assert {category for category in row.images.brands.values() if category} <= {
        category for admission in nvidia.admissions for category in admission.categories
    }


class Engine:
    """A home that reads images of a registry of a real engine."""

    def __init__(self, home: Home, host: str, repository: str) -> None:
        self.home = home
        self.name = f"{host}/{repository}"
        overlay = home.recipe.parent.parent
        self.vendor = overlay / "vendors" / "acme.yaml"
        self.vendor.parent.mkdir(parents=True)
        self.vendor.write_text(canonical_document(vendor(ANY)))
        row = msgspec.structs.replace(upstream(host), url=self.name, document="acme", source="people")
        people = {"people": Source(text="what people know", retrieved="2026-01-01")}
        file: Any = Upstreams(sources=people, upstreams=(row,))
        (overlay / "upstream.yaml").write_text(canonical_document(file))


@pytest.mark.engine
@pytest.mark.usefixtures("engine_ready")
def test_the_command_reads_an_image_that_docker_pushed(tmp_path: Path) -> None:
    import docker

    host = os.environ.get("ENVKIT_TEST_REGISTRY")
    if host is None:
        pytest.skip("no registry that the engine can reach: `.ci/engine start` names one in ENVKIT_TEST_REGISTRY")
    engine = Engine(Home(tmp_path / "home"), host, "envkit-tests/cuda")
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("hello"))
    client = docker.from_env()
    tag = "13.0.1-base-ubuntu24.04"
    try:
        client.api.import_image_from_data(
            archive.getvalue(), repository=engine.name, tag=tag, changes=[f'ENV NVIDIA_REQUIRE_CUDA="{NEW}"']
        )
        for line in client.images.push(engine.name, tag=tag, stream=True, decode=True):
            assert "error" not in line, line
    finally:
        client.images.remove(f"{engine.name}:{tag}", force=True)
        client.close()
    ended = engine.home.run("matrix", "refresh", "--source", "nvidia-images")
    assert ended.status == 0, ended.stderr
    assert "acme nvidia/cuda:13.0: new, drivers for 13.0 or of branches 535, 550" in ended.stdout
    assert "nvidia-images: 0 requests" not in ended.stderr
    written = decode_document(engine.vendor.read_text(), "acme.yaml", Vendor)
    assert [row.images for row in written.admissions] == ["nvidia/cuda:*", "nvidia/cuda:13.0.*"]
    assert engine.home.run("matrix", "refresh", "--source", "nvidia-images", "--check").status == 0
    assert engine.home.run("matrix", "refresh", "--source", "nvidia-images", "--check", "--offline").status == 0
