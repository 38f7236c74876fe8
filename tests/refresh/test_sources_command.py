"""`envkit matrix refresh --source` as it is run, against a server of this machine."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest

from envkit.cli.schemas import schema_of
from envkit.data import decode_document, load_document
from envkit.data.canonical import canonical_document, heading_of
from envkit.model.provenance import Source
from envkit.model.recipe import Recipe, ReleaseRow
from envkit.model.vendor import DriverBranch, Vendor
from envkit.refresh import upstream
from envkit.refresh.upstream import UpstreamRow, Upstreams, load_upstreams
from tests.cli.conftest import Ended, Home
from tests.refresh.test_places import Installed

Server = Any  # see conftest.py
TABLE = b"| PyTorch version | Stable CUDA |\n| --- | --- |\n| 1.2 | CUDA 12.6, CUDA 13.0 |\n"
DRIVERS = {"580": {"type": "lts branch", "driver_info": [{"release_version": "580.105.08"}]}}


class Pages:
    """A home whose overlay has a recipe, a vendor and the addresses of two pages about them."""

    def __init__(self, home: Home, server: Server, recipe: Recipe) -> None:
        self.home = home
        self.server = server
        overlay = home.recipe.parent.parent
        self.recipe = overlay / "recipes" / "frame.yaml"
        self.vendor = overlay / "vendors" / "acme.yaml"
        self.server.etags = True
        self.tell("/table", TABLE)
        self.tell("/drivers", json.dumps(DRIVERS).encode())
        row = ReleaseRow(
            version="1.2.0", released="2026-01-01", pythons=("3.12",), source="wheels", default={"x86_64": "cpu"}
        )
        built = msgspec.structs.replace(recipe.variants[0], variant="cu130", vendor="nvidia")
        self._write(self.recipe, msgspec.structs.replace(recipe, releases=(row,), variants=(*recipe.variants, built)))
        branch = DriverBranch(branch=580, ceiling="13.0", source="people", kind="PB")
        people = {"people": Source(text="what people know", retrieved="2026-01-01")}
        self._write(
            self.vendor,
            Vendor(name="acme", title="Acme", pci_vendors=("f00d",), sources=people, driver_branches=(branch,)),
        )
        origin = server.url.removesuffix("/simple")
        rows = (
            self._row("pytorch-matrix", f"{origin}/table", "frame"),
            self._row("nvidia-drivers", f"{origin}/drivers", "acme"),
        )
        self.upstream = overlay / "upstream.yaml"
        self._write(self.upstream, Upstreams(sources=people, upstreams=rows))

    def tell(self, path: str, body: bytes, kind: str = "text/plain") -> None:
        self.server.pages[path] = (kind, body)

    def run(self, *arguments: str) -> Ended:
        return self.home.run("matrix", "refresh", *arguments)

    def both(self, *arguments: str) -> Ended:
        return self.run("--source", "pytorch-matrix", "--source", "nvidia-drivers", *arguments)

    def kept(self) -> tuple[bytes, bytes]:
        return self.recipe.read_bytes(), self.vendor.read_bytes()

    @staticmethod
    def _row(name: str, url: str, document: str) -> UpstreamRow:
        return UpstreamRow(name=name, title=f"The {name}", url=url, document=document, dates="page", source="people")

    @staticmethod
    def _write(path: Path, document: Any) -> None:  # noqa: ANN401 - any of the three kinds of file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("# By the test.\n" + canonical_document(document))


@pytest.fixture
def pages(tmp_path: Path, serve_ranges: Callable[[Path], Server], recipe: Recipe) -> Pages:
    return Pages(Home(tmp_path / "home"), serve_ranges(tmp_path), recipe)


def test_what_pages_add_is_written_and_the_second_time_nothing_is_new(pages: Pages) -> None:
    ended = pages.both()
    assert ended.status == 0, ended.stderr
    assert "! acme R580: `kind` disagrees: the row has PB, the list LTSB; the row is kept\n" in ended.stdout
    assert "  frame 1.2.0: indexed none → cu130\n" in ended.stdout
    recipe = decode_document(pages.recipe.read_text(), "frame.yaml", Recipe)
    vendor = decode_document(pages.vendor.read_text(), "acme.yaml", Vendor)
    assert recipe.releases[0].indexed == ("cu130",)
    assert (vendor.driver_branches[0].newest, vendor.driver_branches[0].kind) == ("580.105.08", "PB")
    assert pages.vendor.read_text() == canonical_document(vendor, "# By the test.\n")
    before = pages.kept()
    again = pages.both("--check")
    assert (again.status, pages.kept()) == (0, before)
    assert pages.server.seen == ["/table", "/drivers", "/table", "/drivers"]
    assert "2 requests, 0.0 MiB" in again.stderr
    assert pages.both("--offline").status == 0
    assert len(pages.server.seen) == 4


@pytest.mark.parametrize(("flag", "status"), [("--dry-run", 0), ("--check", 10)])
def test_nothing_is_written_when_that_was_not_asked_for(pages: Pages, flag: str, status: int) -> None:
    before = pages.kept()
    assert (pages.both(flag).status, pages.kept()) == (status, before)


def test_json_has_what_was_seen_and_fits_its_schema(pages: Pages) -> None:
    answer = pages.both("--json").json
    jsonschema.Draft202012Validator(schema_of("envkit-refresh-sources-1")).validate(answer)
    table, drivers = answer["sources"]
    assert (answer["format"], answer["requests"]) == ("envkit-refresh-sources/1", 2)
    assert table["observed"] == [{"name": "1.2", "values": ["cu126", "cu130"]}]
    assert drivers["observed"] == [{"name": "R580", "values": ["LTSB", "580.105.08"]}]
    assert (table["written"], drivers["written"]) == (str(pages.recipe), str(pages.vendor))


def test_one_page_that_fails_is_a_gap_and_all_of_them_a_network_error(pages: Pages) -> None:
    before = pages.recipe.read_bytes()
    pages.tell("/table", b"<!DOCTYPE html><html>Log in</html>", "text/html")
    ended = pages.both("--json")
    assert ended.status == 0
    (gap,) = ended.json["sources"][0]["gaps"]
    assert gap["reason"].startswith("EK0901: the server answered with a page for people, a login or a notice: http")
    assert pages.recipe.read_bytes() == before
    alone = pages.run("--source", "pytorch-matrix")
    assert alone.status == 9
    assert "error[EK0901]: the server answered with a page for people" in alone.stderr
    assert "/table" in alone.stderr
    del pages.server.pages["/table"]
    assert "the server has no such page" in pages.run("--source", "pytorch-matrix").stderr
    pages.server.answers = [403, 403]
    gone = pages.both()
    assert gone.status == 9
    assert "error[EK0902]: the server refused to answer (HTTP 403 Forbidden)" in gone.stderr


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (TABLE[:-8], "the page has another form than is known here, a row with 1 cells under a header with 2"),
        (TABLE.replace(b"CUDA 12.6", b"cu126\x1b[2J"), "holds a character that is not allowed there: U+001B"),
        (b"\xff\xfe", "the page is not text"),
        (b"x" * (4 * 2**20 + 1), "a page is longer than 4 MiB"),
    ],
)
def test_a_page_of_another_form_changes_nothing(pages: Pages, body: bytes, message: str) -> None:
    before = pages.kept()
    pages.tell("/table", body)
    ended = pages.run("--source", "pytorch-matrix")
    assert (ended.status, pages.kept()) == (8, before)
    assert message in ended.stderr
    assert "/table" in ended.stderr


def test_a_source_is_read_in_the_place_of_the_index(pages: Pages) -> None:
    for arguments in (("frame",), ("--index", "https://mirror.example/simple")):
        ended = pages.run(*arguments, "--source", "pytorch-matrix")
        assert ended.status == 2
        assert "`--source` goes with neither a framework nor `--index`" in ended.stderr
    assert pages.server.seen == []


def test_a_source_about_nothing_is_said(pages: Pages) -> None:
    pages.upstream.write_text(pages.upstream.read_text().replace("document: frame", "document: nothing"))
    ended = pages.run("--source", "pytorch-matrix")
    assert ended.status == 8
    assert "no recipe and no vendor has the name that the source `pytorch-matrix` tells of: nothing" in ended.stderr


def test_help_lists_every_source(pages: Pages) -> None:
    text = pages.run("--help").stdout
    assert all(row.name in text.rpartition("only read when they are named")[2] for row in load_upstreams())


def test_an_installed_envkit_gets_what_is_new_of_a_vendor_in_the_overlay(
    pages: Pages, recipe: Recipe, tmp_path: Path
) -> None:
    installed = Installed(tmp_path / "installed", recipe, pages.server.url)
    overlay = installed.overlay.parent.parent
    text = pages.upstream.read_text().replace("document: acme", "document: nvidia")
    (overlay / "upstream.yaml").write_text(text)
    target = overlay / "vendors" / "nvidia.yaml"
    assert f"wrote  {target}" in installed.refresh("--source", "nvidia-drivers")
    fields = load_document(target.read_text(), "nvidia.yaml")
    assert isinstance(fields, dict)
    assert set(fields) == {"sources", "driver_branches"}
    assert set(fields["sources"]) == {"page"}
    assert [(branch["branch"], branch["newest"]) for branch in fields["driver_branches"]] == [(580, "580.105.08")]
    assert "no differences" in installed.refresh("--source", "nvidia-drivers")


def test_the_addresses_that_come_with_envkit_are_in_canonical_form() -> None:
    path = Path(upstream.__file__).parents[1] / "data" / "upstream.yaml"
    text = path.read_text()
    file = decode_document(text, path.name, Upstreams)
    assert canonical_document(file, heading_of(text)) == text
    assert {row.source for row in file.upstreams} <= set(file.sources)
