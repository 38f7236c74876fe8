"""Documents and indexes beside images, in a real registry."""

import json
import os
import subprocess
import uuid
from pathlib import Path

import pytest

from envkit.errors import ImageMissingError
from envkit.model.sources import PackageSources
from envkit.system.registry_writer import Document, RegistryWriter

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("engine_ready")]
SBOM = Document(name="sbom.cdx.json", media_type="application/vnd.cyclonedx+json", text='{"bomFormat": "CycloneDX"}\n')


@pytest.fixture(scope="module")
def repository() -> str:
    registry = os.environ.get("ENVKIT_TEST_REGISTRY")
    if not registry:
        pytest.skip('no registry: eval "$(.ci/engine start)"')
    return f"{registry}/envkit-test/writer-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def image(repository: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A small image that was really pushed, by digest."""
    archive = tmp_path_factory.mktemp("image") / "root.tar"
    subprocess.run(["tar", "-cf", str(archive), "-T", "/dev/null"], check=True)  # noqa: S607 - the system's own
    tag = f"{repository}:1"
    for argv in (["docker", "import", str(archive), tag], ["docker", "push", "--quiet", tag], ["docker", "rmi", tag]):
        subprocess.run(argv, check=True, capture_output=True)
    return f"{repository}@{RegistryWriter(PackageSources()).image(tag).digest}"


@pytest.fixture
def writer() -> RegistryWriter:
    return RegistryWriter(PackageSources())


def test_an_attached_document_can_be_read_back_by_the_tag_of_its_image(
    writer: RegistryWriter, image: str, tmp_path: Path
) -> None:
    attached = writer.attach(image, SBOM)
    name, digest = image.split("@")
    index = json.loads(writer.manifest(f"{name}:{digest.replace(':', '-')}").body)
    assert [(row["digest"], row["artifactType"]) for row in index["manifests"]] == [(attached, SBOM.media_type)]
    manifest = json.loads(writer.manifest(f"{name}@{attached}").body)
    assert manifest["subject"]["digest"] == digest
    (layer,) = manifest["layers"]
    assert layer["annotations"] == {"org.opencontainers.image.title": "sbom.cdx.json"}
    # Another client reads the same registry: what it finds under the digest is the document.
    copied = tmp_path / "copy"
    subprocess.run(
        ["skopeo", "copy", "--src-tls-verify=false", f"docker://{name}@{attached}", f"dir:{copied}"],  # noqa: S607
        check=True,
        capture_output=True,
    )
    assert (copied / layer["digest"].removeprefix("sha256:")).read_text() == SBOM.text


def test_attaching_the_same_again_changes_nothing_and_another_document_comes_beside_it(
    writer: RegistryWriter, image: str
) -> None:
    first = writer.attach(image, SBOM)
    assert writer.attach(image, SBOM) == first
    second = writer.attach(image, Document(name="p.json", media_type="application/vnd.in-toto+json", text="{}"))
    name, digest = image.split("@")
    index = json.loads(writer.manifest(f"{name}:{digest.replace(':', '-')}").body)
    assert [row["digest"] for row in index["manifests"]] == [first, second]


def test_an_index_names_the_image_of_each_platform(writer: RegistryWriter, image: str) -> None:
    name, digest = image.split("@")
    made = writer.put_index(f"{name}:both", {"linux/amd64": digest, "linux/arm64": digest})
    found = writer.image(f"{name}:both")
    assert found.digest == made
    assert found.platforms == {"linux/amd64": digest, "linux/arm64": digest}


def test_nothing_is_attached_to_an_image_that_is_not_there(writer: RegistryWriter, repository: str) -> None:
    with pytest.raises(ImageMissingError):
        writer.attach(f"{repository}@sha256:{'0' * 64}", SBOM)
