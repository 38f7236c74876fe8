"""`envkit build`: images for engine, registry and archive, with what is known of them, on a real engine."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

TARGET = ("--target", "cpu,os=debian-12", "--python", "3.11")
REFUSED = {
    "an output that is none": (("--output", "zip=x"), "`--output` takes"),
    "an archive without a file": (("--output", "oci"), "`--output` takes"),
    "an engine with a file": (("--output", "engine=x"), "`--output` takes"),
    "two machines": (("--target", "cpu", "--host", "x.json"), "both name the machine"),
    "platforms without a registry": (("--platform", "linux/amd64", "--platform", "linux/arm64"), "add `--push`"),
    "a platform in another form": (("--platform", "amd64"), "a platform is written as `linux/amd64`"),
    "a tag with a digest": (("--tag", f"demo@sha256:{'0' * 64}"), "a tag has no digest"),
    "a tag that is none": (("--tag", "Demo Image"), "not the name of an image"),
    "an engine that is not there": (("--engine", "nosuch"), "no such engine"),
    "one tag that is none beside one that is": (("--tag", "demo:1", "--tag", "{profile}/B"), "not the name of an"),
    "a push without a network": (("--push", "--tag", "registry.example.com/demo:1"), "cannot be used with `--offline`"),
    "a lock without a project": (("--locked",), "give no SPEC"),
}


def docker(*argv: str) -> str:
    done = subprocess.run(["docker", *argv], check=True, capture_output=True, text=True)  # noqa: S607
    return done.stdout.strip()


@pytest.fixture
def site(tiny, request: pytest.FixtureRequest) -> Iterator:
    request.getfixturevalue("engine_ready")
    tiny.use_engine()
    tiny.tag = f"envkit-test/{uuid.uuid4().hex[:8]}"
    yield tiny
    for tag in docker("images", "--format", "{{.Repository}}:{{.Tag}}").split():
        if tiny.tag in tag:
            docker("rmi", "--force", tag)


@pytest.fixture
def registry() -> str:
    found = os.environ.get("ENVKIT_TEST_REGISTRY")
    if not found:
        pytest.skip('no registry: eval "$(.ci/engine start)"')
    return found


def build(site, *further: str):  # noqa: ANN201 - the type lives in conftest.py
    return site.run("build", "tinyframe", *TARGET, "--offline", "--wheelhouse", "wheels", *further)


@pytest.mark.engine
def test_an_image_for_a_machine_that_is_not_here_is_tagged_in_the_engine(site) -> None:
    ended = build(site, "--tag", f"{site.tag}:1", "--json")
    assert ended.status == 0, ended.stderr
    (image,) = ended.json["images"]
    assert docker("image", "inspect", "--format", "{{.Id}}", f"{site.tag}:1") == image["id"]
    assert (
        docker(
            "run", "--rm", "--network=none", f"{site.tag}:1", "python", "-c", "import tinyframe as t; print(t.answer())"
        )
        == "42"
    )
    bill = next(Path(each["path"]) for each in image["documents"] if each["name"] == "sbom.cdx.json")
    assert {"tinyframe", "tinydep"} <= {part["name"] for part in json.loads(bill.read_text())["components"]}
    statement = json.loads(bill.with_name("provenance.json").read_text())
    assert statement["subject"][0]["digest"]["sha256"] in {image["id"][7:], image.get("digest", "")[7:]}


@pytest.mark.engine
def test_a_pushed_image_is_pulled_and_run_by_digest_and_its_documents_refer_to_it(site, registry: str) -> None:
    pushed = ("--tag", f"{registry}/{site.tag}:1", "--push")
    ended = site.run("build", "tinyframe", *TARGET, "--wheelhouse", "wheels", *pushed, PIP_NO_INDEX="1")
    assert ended.status == 0, ended.stderr
    image = ended.stdout.strip()
    assert image.startswith(f"{registry}/{site.tag}@sha256:")
    docker("pull", "--quiet", image)
    assert (
        docker("run", "--rm", "--network=none", image, "python", "-c", "import tinyframe as t; print(t.answer())")
        == "42"
    )
    name, digest = image.split("@")
    index = json.loads(docker("buildx", "imagetools", "inspect", "--raw", f"{name}:{digest.replace(':', '-')}"))
    assert [row["artifactType"] for row in index["manifests"]] == [
        "application/vnd.cyclonedx+json",
        "application/spdx+json",
        "application/vnd.in-toto+json",
    ]
    docker("rmi", "--force", image)


@pytest.mark.engine
def test_an_archive_in_ocis_layout_holds_the_image_and_its_documents_lie_beside_it(site) -> None:
    archive = site.project / "image.tar"
    ended = build(site, "--output", f"type=oci,dest={archive}", "--json")
    assert ended.status == 0, ended.stderr
    with tarfile.open(archive) as layout:
        file = layout.extractfile("index.json")
        assert file is not None
        (manifest,) = json.load(file)["manifests"]
    (image,) = ended.json["images"]
    assert (image["archive"], image["digest"]) == (str(archive), manifest["digest"])
    assert sorted(path.name for path in site.project.glob("image.tar.*")) == [
        "image.tar.provenance.json",
        "image.tar.sbom.cdx.json",
        "image.tar.sbom.spdx.json",
    ]


@pytest.mark.engine
def test_each_profile_of_a_project_has_its_image_and_tag(site) -> None:
    (site.project / "envkit.yaml").write_text(
        "format: envkit/1\nname: mine\nrecipes: [tinyframe]\npython: '3.11'\n"
        "profiles: {one: {on: cpu}, two: {target: 'cpu,os=ubuntu-24.04'}}\nsources: {wheelhouse: wheels}\n"
    )
    refused = site.run("build", "--offline", "--tag", f"{site.tag}:1")
    assert (refused.status, "several profiles cannot have one tag" in refused.stderr) == (2, True)
    ended = site.run("build", "--offline", "--tag", f"{site.tag}:{{profile}}", "--json")
    assert ended.status == 0, ended.stderr
    assert [(image["profile"], image["tags"]) for image in ended.json["images"]] == [
        ("one", [f"{site.tag}:one"]),
        ("two", [f"{site.tag}:two"]),
    ]


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_refused_before_anything_is_built(tiny, case: str) -> None:
    options, said = REFUSED[case]
    target = () if "--target" in options else TARGET
    ended = tiny.run("build", "tinyframe", *target, "--offline", "--wheelhouse", "wheels", *options)
    assert ended.status == 2
    assert said in ended.stderr


def test_without_an_engine_it_says_where_the_image_can_go(tiny) -> None:
    programs = str(Path(sys.executable).parent)
    ended = tiny.run("build", "tinyframe", *TARGET, "--offline", "--wheelhouse", "wheels", PATH=programs)
    assert ended.status == 4
    assert "no engine has a store for the image" in ended.stderr
    assert "--output oci=image.tar" in ended.stderr


@pytest.mark.engine
def test_the_base_image_comes_from_a_mirror_that_no_file_of_the_image_names(site, registry: str) -> None:
    """The mirror alone has this base image, under a prefix of its own: nothing else could serve it."""
    base = f"envkit-test-{uuid.uuid4().hex[:8]}/python:3.11-slim-bookworm"
    mirrored = f"{registry}/hub/{base}"
    docker("pull", "--quiet", "python:3.11-slim-bookworm")
    docker("tag", "python:3.11-slim-bookworm", mirrored)
    docker("push", "--quiet", mirrored)
    docker("rmi", mirrored)
    chosen = ("--base-image", base, "--tag", f"{site.tag}:1", "--output", "oci=image.tar")
    refused = build(site, *chosen)
    assert refused.status != 0
    site.run("mirror", "use", f"docker.io={registry}/hub")
    ended = build(site, *chosen)
    assert ended.status == 0, ended.stderr
    content = (site.project / "image.tar").read_bytes()
    assert f"{registry}/hub".encode() not in content


@pytest.mark.engine
@pytest.mark.network
def test_system_packages_come_from_a_mirror_that_no_file_of_the_image_names(site) -> None:
    seen: list[str] = []

    class Debian(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            try:
                answer = urllib.request.urlopen(f"http://deb.debian.org{self.path}")
            except urllib.error.HTTPError as error:
                answer = error
            with answer:
                self.send_response(answer.status or 500)
                self.send_header("Content-Length", answer.headers["Content-Length"] or "0")
                self.end_headers()
                shutil.copyfileobj(answer, self.wfile)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Debian)
    Thread(target=server.serve_forever, daemon=True).start()
    mirror = f"http://127.0.0.1:{server.server_port}"
    try:
        site.run("mirror", "use", f"deb.debian.org={mirror}")
        (site.project / "envkit.yaml").write_text(
            "format: envkit/1\nrecipes: [tinyframe]\npython: '3.11'\nsystem_packages: [hello]\n"
            "sources: {wheelhouse: wheels}\nprofiles: {one: {target: 'cpu,os=debian-12'}}\n"
        )
        ended = site.run("build", "--no-cache", "--tag", f"{site.tag}:1", PIP_NO_INDEX="1")
    finally:
        server.shutdown()
        server.server_close()
    assert ended.status == 0, ended.stderr
    assert any("/hello_" in path for path in seen)
    assert docker("run", "--rm", "--network=none", f"{site.tag}:1", "hello") == "Hello, world!"
    search = f"grep -rl {mirror} /etc /var/lib/apt || true"
    found = docker("run", "--rm", "--network=none", f"{site.tag}:1", "sh", "-c", search)
    assert found == ""


@pytest.mark.engine
def test_a_registry_that_does_not_answer_is_a_failure_of_the_network(site) -> None:
    ended = site.run(
        *("build", "tinyframe", *TARGET, "--wheelhouse", "wheels", "--push", "--tag", f"127.0.0.1:1/{site.tag}:1"),
        PIP_NO_INDEX="1",
    )
    assert ended.status == 9, ended.stderr
    assert f"error[EK0903]: the image was built but cannot be pushed: 127.0.0.1:1/{site.tag}:1" in ended.stderr
    assert "connection refused" in ended.stderr


def test_places_that_cannot_be_written_are_told_before_anything_is_built(tiny) -> None:
    for further in (("--output", "oci=/proc/none/image.tar"), ("--documents", "/proc/none")):
        ended = build(tiny, *further)
        assert (ended.status, "EK0402" in ended.stderr) == (4, True), ended.stderr
        assert "built by" not in ended.stderr


@pytest.mark.engine
def test_an_image_that_goes_nowhere_is_not_said_to_be_in_a_store(site) -> None:
    ended = build(site, "--tag", f"{site.tag}:1", "--output", "none")
    assert (ended.status, ended.stdout.strip()) == (0, ""), ended.stderr
    assert "kept nowhere but in the builder's cache" in ended.stderr


@pytest.mark.engine
def test_offline_an_image_is_built_of_wheels_that_were_fetched_before_and_a_missing_one_is_named(
    site, serve_index
) -> None:
    index = serve_index(site.project / "wheels")
    ask = ("build", "tinyframe", *TARGET, "--tag", f"{site.tag}:offline")
    known = {"PIP_INDEX_URL": index.url, "NO_PROXY": index.host}
    fetched = site.run(*ask, "--builder", "legacy", **known)  # which cannot fetch by itself
    assert fetched.status == 0, fetched.stderr
    asked = len(index.seen)
    again = site.run(*ask, "--offline", "--no-cache", **known)
    assert again.status == 0, again.stderr
    assert len(index.seen) == asked
    assert docker("run", "--rm", "--network=none", f"{site.tag}:offline", "python", "-c", "import tinyframe") == ""

    shutil.rmtree(Path(site.environment["XDG_CACHE_HOME"], "envkit", "wheels"))
    refused = site.run(*ask, "--offline", "--no-cache", **known)
    assert refused.status == 9
    assert "a locked wheel cannot be had: tiny" in refused.stderr
    assert "not asked, since offline was asked for" in refused.stderr
