"""Archives of images: the two forms that builders write, and what is no image."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from envkit.bundle.image_archive import read_image
from envkit.bundle.images import check_archive, load_archive
from envkit.engines.records import ImageRecord
from envkit.errors import BundleError
from envkit.model.bundle import BundledImage

TAG = "envkit/demo:0123456789ab"
CONFIGURATION = b'{"architecture":"amd64","rootfs":{"type":"layers","diff_ids":["sha256:aa","sha256:bb"]}}'
NUMBER = f"sha256:{hashlib.sha256(CONFIGURATION).hexdigest()}"
ROW = BundledImage(profile="gpu", reference=TAG, image=NUMBER, path="images/gpu.tar", layers=("sha256:aa", "sha256:bb"))


def archive(path: Path, *, tags: tuple[str, ...] = (TAG,), index: object = None, images: int = 1) -> Path:
    saved = [{"Config": "config.json", "RepoTags": tags, "Layers": []}] * images
    documents = {"manifest.json": json.dumps(saved).encode(), "config.json": CONFIGURATION}
    if index is not None:
        documents["index.json"] = json.dumps(index).encode()
    with tarfile.open(path, "w") as file:
        for name, content in documents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    return path


def described(*names: str) -> dict[str, object]:
    annotations = [{"io.containerd.image.name": name, "org.opencontainers.image.ref.name": "tag"} for name in names]
    return {
        "manifests": [{"digest": f"sha256:{number}", "annotations": each} for number, each in enumerate(annotations)]
    }


class Store:
    """An engine that keeps an image as it was told to, under its tag."""

    name = "store"

    def __init__(self, record: ImageRecord | None, standing: ImageRecord | None = None) -> None:
        self.images = {} if standing is None else {TAG: standing}
        self._record = record

    def take_image(self, archive: str, tag: str) -> ImageRecord | None:
        assert Path(archive).exists()
        if self._record is not None:
            self.images[tag] = self._record
        return self._record

    def image(self, tag: str) -> ImageRecord | None:
        return self.images.get(tag)

    def drop_image(self, tag: str) -> None:
        del self.images[tag]


def record(number: str, layers: tuple[str, ...] = ()) -> ImageRecord:
    return ImageRecord(id=number, tags=(TAG,), labels={}, layers=layers)


def test_an_archive_tells_its_image_under_whichever_names_engines_write(tmp_path: Path) -> None:
    plain = read_image(archive(tmp_path / "a.tar", tags=(f"localhost/{TAG}",)))
    assert (plain.image, plain.digest, plain.layers, plain.names) == (NUMBER, None, ROW.layers, (TAG,))
    indexed = read_image(archive(tmp_path / "b.tar", index=described(f"docker.io/{TAG}")))
    assert (indexed.digest, indexed.names) == ("sha256:0", (TAG,))


@pytest.mark.parametrize("images", [0, 2])
def test_an_archive_of_other_than_one_image_is_refused(tmp_path: Path, images: int) -> None:
    with pytest.raises(BundleError, match="not an archive of one image"):
        read_image(archive(tmp_path / "a.tar", images=images))


@pytest.mark.parametrize("content", [b"", b"text", b"\0" * 1024])
def test_any_other_file_is_no_archive(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.tar").write_bytes(content)
    with pytest.raises(BundleError, match="not an archive of one image"):
        read_image(tmp_path / "a.tar")


def test_a_name_in_either_document_beside_that_of_the_manifest_is_refused(tmp_path: Path) -> None:
    for path in (
        archive(tmp_path / "a.tar", tags=(TAG, "python:3.12")),
        archive(tmp_path / "b.tar", index=described(f"docker.io/{TAG}", "docker.io/library/python:3.12")),
    ):
        with pytest.raises(BundleError, match="another name"):
            check_archive(path, ROW)


def test_an_image_counts_as_taken_by_id_or_where_the_store_has_ids_of_its_own_by_its_layers(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.tar")
    for found in (record(NUMBER), record(NUMBER.removeprefix("sha256:")), record("sha256:own", ROW.layers)):
        assert load_archive(Store(found), path, ROW) is True
    assert load_archive(Store(None, standing=record(NUMBER)), path, ROW) is False


def test_what_an_engine_made_another_of_does_not_stay(tmp_path: Path) -> None:
    store = Store(record("sha256:other", ("sha256:cc",)))
    with pytest.raises(BundleError, match="did not take the image in as it is"):
        load_archive(store, archive(tmp_path / "a.tar"), ROW)
    assert store.images == {}
