import json
from typing import Any

import pytest

from envkit.errors import DataError
from envkit.refresh.wheels import linux_wheels, pythons_of
from envkit.system.listing import IndexFile, Listing, parse_listing

JSON = "application/vnd.pypi.simple.v1+json"
URL = "http://index.example/simple/frame/"
DIGEST = "ab" * 32


def listing(*names: str, requires_python: str | None = None) -> Listing:
    files = [IndexFile(name=name, url=f"{URL}{name}", requires_python=requires_python) for name in names]
    return Listing(project="frame", files=tuple(files))


def page(*rows: dict[str, Any]) -> bytes:
    return json.dumps({"meta": {"api-version": "1.1"}, "files": rows}).encode()


def test_json_page_gives_every_fact_of_a_file() -> None:
    body = page(
        {
            "filename": "frame-1.0-py3-none-any.whl",
            "url": "../../files/frame-1.0-py3-none-any.whl",
            "hashes": {"sha256": DIGEST.upper()},
            "requires-python": ">=3.9",
            "size": 10,
            "upload-time": "2026-05-04T03:02:01.000000Z",
            "yanked": "breaks\n things",
            "core-metadata": {"sha256": DIGEST},
        }
    )
    (file,) = parse_listing("frame", JSON, body, URL).files
    assert file == IndexFile(
        name="frame-1.0-py3-none-any.whl",
        url="http://index.example/files/frame-1.0-py3-none-any.whl",
        sha256=DIGEST,
        requires_python=">=3.9",
        size=10,
        uploaded="2026-05-04",
        yanked="breaks things",
        metadata=True,
    )


def test_html_page_gives_the_same_but_size_and_date() -> None:
    body = (
        '<base href="http://files.example/a/"><a href="../frame-1.0%2Bcu126-py3-none-any.whl#sha256='
        f'{DIGEST}" data-requires-python="&gt;=3.9" data-yanked data-dist-info-metadata="sha256=00">x</a>'
    ).encode()
    (file,) = parse_listing("frame", "text/html", body, URL).files
    assert file == IndexFile(
        name="frame-1.0+cu126-py3-none-any.whl",
        url="http://files.example/frame-1.0%2Bcu126-py3-none-any.whl",
        sha256=DIGEST,
        requires_python=">=3.9",
        yanked="yanked",
        metadata=True,
    )


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/html", b"<html>Please log in</html>"),
        ("image/png", b"\x89PNG"),
        (JSON, b"{}"),
        (JSON, b"\xff\xfe"),
        (JSON, b'{"files": [{"filename": 3}]}'),
        (JSON, b"[" * 100_000),
    ],
)
def test_page_of_something_else_is_an_error_that_names_the_address(kind: str, body: bytes) -> None:
    with pytest.raises(DataError, match=r"index\.example/simple/frame"):
        parse_listing("frame", kind, body, URL)


def test_hostile_names_and_addresses_are_left_out() -> None:
    names = ["../../etc/passwd", "frame-1.0\n-py3-none-any.whl", "frame-\u202e1.0.whl", "frame-1.0-py3-none-any.whl"]
    body = page(*({"filename": name, "url": "x"} for name in names))
    assert [file.name for file in parse_listing("frame", JSON, body, URL).files] == ["frame-1.0-py3-none-any.whl"]
    html = b'<a href="http://[::bad/frame-1.0-py3-none-any.whl">x</a>'
    assert parse_listing("frame", "text/html", html, URL).files == ()


@pytest.mark.parametrize(
    ("name", "pythons", "architecture", "libc"),
    [
        ("frame-1.0-cp312-cp312-manylinux_2_28_x86_64.whl", ("3.12",), "x86_64", "2.28"),
        ("frame-1.0-cp313-cp313t-manylinux_2_34_aarch64.whl", ("3.13t",), "aarch64", "2.34"),
        ("frame-1.0-cp37-cp37m-manylinux1_x86_64.whl", ("3.7",), "x86_64", "2.5"),
        ("frame-1.0-cp39-cp39-manylinux2014_x86_64.manylinux_2_17_x86_64.whl", ("3.9",), "x86_64", "2.17"),
        ("frame-1.0-cp312-cp312-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl", ("3.12",), "x86_64", "2.27"),
        ("frame-1.0-cp312-cp312-linux_x86_64.whl", ("3.12",), "x86_64", None),
        ("frame-1.0-py3-none-any.whl", (), None, None),
    ],
)
def test_names_of_wheels_are_read(
    name: str, pythons: tuple[str, ...], architecture: str | None, libc: str | None
) -> None:
    (wheel,) = linux_wheels(listing(name))
    assert (wheel.pythons, wheel.architecture, wheel.libc) == (pythons, architecture, libc)


@pytest.mark.parametrize(
    "name",
    [
        "frame-1.0.tar.gz",
        "frame-1.0-cp312-cp312-win_amd64.whl",
        "frame-1.0-cp312-cp312-musllinux_1_2_x86_64.whl",
        "frame-1.0-cp312-cp312-macosx_11_0_arm64.whl",
        "frame-1.0rc1-cp312-cp312-manylinux_2_28_x86_64.whl",
        "frame-1.0.dev3-py3-none-any.whl",
        "frame-1.0-py2-none-any.whl",
        "frame-not.a.version!-py3-none-any.whl",
        "frame.whl",
    ],
)
def test_files_for_other_systems_and_unfinished_releases_are_left_out(name: str) -> None:
    assert linux_wheels(listing(name)) == ()


def test_stable_interface_reaches_up_from_its_floor_and_not_to_free_threaded_pythons() -> None:
    wheels = linux_wheels(listing("frame-1.0-cp310-abi3-manylinux_2_28_x86_64.whl"))
    assert pythons_of(wheels, ("3.9", "3.10", "3.14", "3.14t")) == ("3.10", "3.14")


def test_the_required_python_narrows_what_the_name_allows() -> None:
    wheels = linux_wheels(listing("frame-1.0-py3-none-any.whl", requires_python=">=3.10,<3.14"))
    assert pythons_of(wheels, ("3.9", "3.10", "3.13t", "3.14")) == ("3.10", "3.13t")
    wheels = linux_wheels(listing("frame-1.0-py3-none-any.whl", requires_python="nonsense"))
    assert pythons_of(wheels, ("3.9",)) == ("3.9",)


def test_build_tags_and_local_versions_are_told_apart() -> None:
    wheels = linux_wheels(
        listing(
            "frame-1.0-3-cp312-cp312-manylinux_2_28_x86_64.whl", "frame-1.0+cu126-cp312-cp312-manylinux_2_28_x86_64.whl"
        )
    )
    assert [(wheel.version, wheel.local, wheel.build) for wheel in wheels] == [
        ("1.0", None, (3, "")),
        ("1.0", "cu126", (0, "")),
    ]
