"""The file of a bundle: the same bytes for the same contents, and nothing taken from one that is not whole."""

import io
import tarfile
from pathlib import Path

import msgspec
import pytest

from envkit.bundle.archive import (
    Entry,
    describe_entry,
    extract_files,
    read_manifest,
    verify_bundle,
    write_bundle,
)
from envkit.errors import BundleError, DataError, StorageError
from envkit.model.bundle import Bundle, BundledImage

REFERENCE = "envkit/demo:0123456789ab"


def entries(directory: Path) -> tuple[Entry, ...]:
    wheel = directory / "source" / "x.whl"
    wheel.parent.mkdir(exist_ok=True)
    wheel.write_bytes(b"wheel" * 1000)
    return (
        Entry(path="wheels/x-1.0+cpu-py3-none-any.whl", source=wheel),
        Entry(path="project/envkit.lock", text="lock"),
    )


def manifest(given: tuple[Entry, ...]) -> Bundle:
    files = tuple(sorted((describe_entry(entry) for entry in given), key=lambda file: file.path))
    return Bundle(envkit="1", name="demo", profiles=("gpu",), files=files)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "demo.envkit"
    given = entries(tmp_path)
    write_bundle(path, manifest(given), given)
    return path


def test_what_was_bundled_comes_out_again(bundle: Path, tmp_path: Path) -> None:
    assert verify_bundle(bundle).profiles == ("gpu",)
    (wheel,) = extract_files(bundle, "wheels", tmp_path / "out")
    assert wheel == tmp_path / "out" / "x-1.0+cpu-py3-none-any.whl"
    assert wheel.read_bytes() == b"wheel" * 1000


def test_the_same_contents_give_the_same_bytes(bundle: Path, tmp_path: Path) -> None:
    before = bundle.read_bytes()
    given = entries(tmp_path)
    write_bundle(bundle, manifest(given), reversed(given))
    assert bundle.read_bytes() == before


def test_a_write_that_fails_leaves_the_old_bundle(bundle: Path, tmp_path: Path) -> None:
    before = bundle.read_bytes()
    given = (*entries(tmp_path), Entry(path="wheels/gone.whl", source=tmp_path / "gone.whl"))
    with pytest.raises(StorageError):
        write_bundle(bundle, manifest(given[:2]), given)
    assert bundle.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def rewritten(bundle: Path, change: "dict[str, bytes | tarfile.TarInfo | None]") -> Path:
    """Write the bundle again with members replaced, removed (None), or added."""
    with tarfile.open(bundle) as old:
        contents = {member.name: old.extractfile(member).read() for member in old}  # type: ignore[union-attr]
    with tarfile.open(bundle, "w") as new:
        for name, content in {**contents, **change}.items():
            if isinstance(content, tarfile.TarInfo):
                new.addfile(content)
            elif content is not None:
                member = tarfile.TarInfo(name)
                member.size = len(content)
                new.addfile(member, io.BytesIO(content))
    return bundle


def link(kind: bytes, name: str = "wheels/link.whl") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, "/etc/passwd"
    return member


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"wheels/x-1.0+cpu-py3-none-any.whl": b"other" * 1000}, "does not have the hash"),
        ({"project/envkit.lock": None}, "is missing"),
        ({"wheels/more.whl": b""}, "is not in the manifest"),
        ({"../evil": b"x"}, "leads elsewhere"),
        ({"/etc/evil": b"x"}, "leads elsewhere"),
        ({"wheels/..": b"x"}, "leads elsewhere"),
        ({"wheels/a\nb": b"x"}, "leads elsewhere"),
        ({"s": link(tarfile.SYMTYPE)}, "is not a plain file"),
        ({"h": link(tarfile.LNKTYPE)}, "is not a plain file"),
        ({"d": link(tarfile.CHRTYPE)}, "is not a plain file"),
        ({"p": link(tarfile.FIFOTYPE)}, "is not a plain file"),
        ({"dir": link(tarfile.DIRTYPE, "wheels/sub")}, "is not a plain file"),
        ({"manifest.json": b"{}"}, "has not the form"),
        ({"manifest.json": None}, "its first file is no"),
    ],
)
def test_a_bundle_with_anything_else_in_it_is_refused(bundle: Path, change: dict[str, bytes], said: str) -> None:
    with pytest.raises(BundleError, match=said):
        verify_bundle(rewritten(bundle, change))


@pytest.mark.parametrize("keep", [0, 1, 511, 512, 700, 2000, 6000])
def test_a_bundle_that_was_cut_short_is_refused(bundle: Path, keep: int) -> None:
    bundle.write_bytes(bundle.read_bytes()[:keep])
    with pytest.raises(BundleError):
        verify_bundle(bundle)


@pytest.mark.parametrize("content", [b"PK\x03\x04zip", b"\x1f\x8bgzip", b"text\n" * 400])
def test_any_other_file_is_no_bundle(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    with pytest.raises(BundleError, match="not a bundle"):
        verify_bundle(tmp_path / "file")


def test_a_manifest_that_lists_a_file_twice_is_refused(bundle: Path) -> None:
    whole = verify_bundle(bundle)
    twice = msgspec.structs.replace(whole, files=(*whole.files, whole.files[0]))
    with pytest.raises(BundleError, match="twice"):
        verify_bundle(rewritten(bundle, {"manifest.json": msgspec.json.encode(twice)}))


def test_files_of_a_bundle_that_changed_after_it_was_verified_are_not_left(bundle: Path, tmp_path: Path) -> None:
    rewritten(bundle, {"project/envkit.lock": b"evil"})
    with pytest.raises(BundleError, match="was changed"):
        extract_files(bundle, "project", tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../evil"},
        {"name": ""},
        {"profiles": ("gpu\n",)},
        {
            "images": (
                BundledImage(profile="gpu", reference="python:3.12", image="sha256:0", path="project/envkit.lock"),
            )
        },
        {"images": (BundledImage(profile="gpu", reference=REFERENCE, image="sha256:0", path="images/none.tar"),)},
        {"images": (BundledImage(profile="no", reference=REFERENCE, image="sha256:0", path="project/envkit.lock"),)},
    ],
)
def test_names_that_could_stand_for_something_else_are_refused(bundle: Path, change: dict[str, object]) -> None:
    changed = msgspec.structs.replace(verify_bundle(bundle), **change)
    rewritten(bundle, {"manifest.json": msgspec.json.encode(changed)})
    for read in (verify_bundle, read_manifest):
        with pytest.raises(BundleError, match="a name that no bundle has"):
            read(bundle)


@pytest.mark.parametrize("name", ["project/my file", "project/.hidden", "../x", "project/ü"])
def test_a_file_with_a_name_that_loading_would_refuse_is_not_bundled(name: str) -> None:
    with pytest.raises(DataError, match="does not take a file of this name"):
        describe_entry(Entry(path=name, text=""))


def test_only_the_files_that_are_wanted_come_out(bundle: Path, tmp_path: Path) -> None:
    assert extract_files(bundle, "wheels", tmp_path / "out", only=frozenset({"wheels/other.whl"})) == ()
    assert not (tmp_path / "out").exists()
