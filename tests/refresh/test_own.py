"""A recipe's own indexes, read from servers of this machine: PEP 503 pages, PEP 691 answers, and what goes wrong."""

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from envkit.data.canonical import canonical_document
from envkit.model.host import Runtime
from envkit.model.recipe import IndexRow, Recipe, ReleaseRow, VariantRow
from envkit.model.sources import PackageSources, Setting
from envkit.refresh import Refreshed, refresh_recipe
from envkit.refresh.cache import Cache
from envkit.refresh.reader import Session
from tests.cli.conftest import Home

Server = Any  # see conftest.py
World = Any
BOTH = ("cp312-cp312", "cp313-cp313")


def row(variant: str, version: str, *places: str, **more: object) -> VariantRow:
    known: dict[str, Any] = {"releases": ">=1", "source": "people", "cpu_architectures": places or ("x86_64",)} | more
    return VariantRow(variant=variant, vendor="nvidia", runtime=Runtime(name="cuda", version=version), **known)


def release(version: str, *indexed: str, derived: bool = True) -> ReleaseRow:
    return ReleaseRow(
        version=version,
        released="2026-01-01",
        pythons=("3.12", "3.13"),
        source="wheels",
        libc={"x86_64": "2.28"},
        default={"x86_64": "cpu"},
        indexed=indexed,
        derived=derived,
    )


class Indexes:
    """The recipe of `frame`, whose releases are on the main index for the processor alone, and its own indexes."""

    def __init__(self, world: World, server: Server, recipe: Recipe) -> None:
        self.world = world
        self.server = server
        for version in ("1.0", "1.1"):
            world.release(version)
        self.recipe = msgspec.structs.replace(
            recipe,
            releases=(release("1.0", "cpu", "cu126"),),
            variants=(
                row("cu128", "12.8"),
                row("cu126", "12.6"),
                msgspec.structs.replace(recipe.variants[0], cpu_architectures=("x86_64",)),
            ),
            indexes=(IndexRow(name="frame-{variant}", url=self.url, packages=("frame",), source="people"),),
        )
        for variant in ("cpu", "cu126", "cu128"):
            self.serve(variant, {"1.1": {"x86_64": BOTH}, "1.0": {"x86_64": BOTH}})
        self.serve("cu128", {"1.1": {"x86_64": BOTH}}, as_json=True)

    @property
    def url(self) -> str:
        return self.server.url.removesuffix("/simple") + "/whl/{variant}"

    def serve(
        self,
        variant: str,
        releases: dict[str, dict[str, tuple[str, ...]]],
        *,
        as_json: bool = False,
        label: bool = True,
        package: str = "frame",
    ) -> None:
        local = f"%2B{variant}" if label else ""
        names = [
            f"{package}-{version}{local}-{python}-manylinux_2_28_{place}.whl"
            for version, places in releases.items()
            for place, pythons in places.items()
            for python in pythons
        ]
        path = f"/whl/{variant}/{package}/"
        if as_json:
            files = [{"filename": name.replace("%2B", "+"), "url": f"../{name}", "hashes": {}} for name in names]
            body = json.dumps({"meta": {"api-version": "1.0"}, "name": package, "files": files}).encode()
            self.server.pages[path] = ("application/vnd.pypi.simple.v1+json", body)
        else:
            links = "".join(f'<a href="/whl/{name}#sha256={"0" * 64}">{name}</a><br/>\n' for name in names)
            self.server.pages[path] = ("text/html", f"<!DOCTYPE html><html><body>{links}</body></html>".encode())

    def refresh(self, **fields: object) -> Refreshed:
        recipe = msgspec.structs.replace(self.recipe, **fields)
        return refresh_recipe(recipe, self.world.facts(), self.world.session().reader)

    def told(self, **fields: object) -> list[str]:
        changes = self.refresh(**fields).changes
        return [f"{'!' if change.loud else ' '} {change.release}: {change.text}" for change in changes]


@pytest.fixture
def indexes(world: World, serve_ranges: Callable[[Path], Server], recipe: Recipe, tmp_path: Path) -> Indexes:
    return Indexes(world, serve_ranges(tmp_path / "own"), recipe)


def test_a_new_release_gets_the_variants_that_the_own_indexes_have(indexes: Indexes) -> None:
    refreshed = indexes.refresh()
    new, old = refreshed.recipe.releases
    assert (new.version, new.indexed) == ("1.1", ("cpu", "cu126", "cu128"))
    assert (old.version, old.indexed) == ("1.0", ("cpu", "cu126"))
    assert "  1.1: indexed none → cpu cu126 cu128" in indexes.told()
    assert not [change.text for change in refreshed.changes if "set `indexed`" in change.text or change.loud]
    again = indexes.refresh(releases=refreshed.recipe.releases)
    assert (again.changes, again.recipe.releases) == ((), refreshed.recipe.releases)


def test_what_a_row_has_and_its_index_has_not_is_shouted_and_kept(indexes: Indexes) -> None:
    indexes.recipe = indexes.refresh().recipe
    indexes.serve("cu126", {"1.0": {"x86_64": BOTH}})
    indexes.serve("cu128", {"1.1": {"x86_64": BOTH}, "1.0": {"x86_64": BOTH}})
    assert indexes.told() == [
        "! 1.1: OWN INDEX DISAGREES: `indexed` has cu126, the index has no wheel of it; the row is kept",
        "! 1.0: OWN INDEX DISAGREES: `indexed` lacks cu128, which the index has; the row is kept",
    ]
    assert indexes.refresh().recipe == indexes.recipe


@pytest.mark.parametrize(
    ("places", "told"),
    [
        (
            {"x86_64": BOTH[:1]},
            ["! 1.0: OWN INDEX DISAGREES: cu126 on x86_64: the index has no wheel for Python 3.13, the row has it"],
        ),
        (
            {"x86_64": (*BOTH, "cp314-cp314")},
            ["  1.0: cu126 on x86_64: the index has wheels for Python 3.14, which the row has not"],
        ),
        (
            {"x86_64": BOTH, "aarch64": BOTH},
            ["  1.0: no row of `variants` covers cu126 on aarch64, which its index has"],
        ),
        (
            {"aarch64": BOTH},
            [
                "  1.0: no row of `variants` covers cu126 on aarch64, which its index has",
                "! 1.0: OWN INDEX DISAGREES: a row covers cu126 on x86_64, the index has no wheel for it",
            ],
        ),
        ({"x86_64": ("py3-none",)}, []),
    ],
)
def test_pythons_and_processors_are_compared(
    indexes: Indexes, places: dict[str, tuple[str, ...]], told: list[str]
) -> None:
    indexes.recipe = indexes.refresh().recipe
    indexes.serve("cu126", {"1.1": {"x86_64": BOTH}, "1.0": places})
    assert indexes.told() == told


def test_a_variant_that_no_row_describes_is_not_taken(indexes: Indexes) -> None:
    variants = tuple(
        msgspec.structs.replace(one, releases="<1.1") if one.variant == "cu126" else one
        for one in indexes.recipe.variants
    )
    refreshed = indexes.refresh(variants=variants)
    assert refreshed.recipe.releases[0].indexed == ("cpu", "cu128")
    texts = [change.text for change in refreshed.changes]
    assert "no row of `variants` covers cu126, which its index has" in texts


def test_a_release_that_is_on_an_own_index_only_is_told(indexes: Indexes) -> None:
    indexes.recipe = indexes.refresh().recipe
    indexes.serve("cu128", {"2.0": {"x86_64": BOTH}, "1.1": {"x86_64": BOTH}})
    assert indexes.told() == ["  2.0: on frame-cu128 and not in the recipe"]


def test_wheels_of_other_variants_on_an_index_are_not_its_own(indexes: Indexes) -> None:
    indexes.recipe = indexes.refresh().recipe
    kind, body = indexes.server.pages["/whl/cu126/frame/"]
    indexes.server.pages["/whl/cu126/frame/"] = (kind, body.replace(b"%2Bcu126", b"%2Brocm7.0"))
    assert [text for text in indexes.told() if "`indexed` has cu126" in text]
    indexes.serve("cu126", {version: {"x86_64": BOTH} for version in ("1.0", "1.1")}, label=False)
    assert indexes.told() == []


def test_an_index_that_answers_with_a_notice_does_not_lose_the_others(indexes: Indexes) -> None:
    indexes.server.pages["/whl/cu126/frame/"] = ("text/html", b"<html><body>Please log in</body></html>")
    refreshed = indexes.refresh()
    assert refreshed.recipe.releases[0].indexed == ("cpu", "cu128")
    (gap,) = refreshed.gaps
    assert gap.fact == "builds on frame-cu126"
    assert "not a list of files" in gap.reason
    assert not [change for change in refreshed.changes if change.loud]


def test_a_server_that_is_not_there_is_one_gap_and_is_asked_once(indexes: Indexes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    nobody = f"http://127.0.0.1:{port}"
    own = IndexRow(name="other-{variant}", url=f"{nobody}/{{variant}}", packages=("frame",), source="people")
    refreshed = indexes.refresh(indexes=(*indexes.recipe.indexes, own))
    assert refreshed.recipe.releases[0].indexed == ("cpu", "cu126", "cu128")
    (gap,) = refreshed.gaps
    assert (gap.fact, gap.source) == ("builds on other-cpu, other-cu126, other-cu128", f"127.0.0.1:{port}")
    assert "the connection was refused" in gap.reason


@pytest.mark.parametrize("url", ["http://[::1/x", "file:///srv/{variant}", "x"])
def test_an_index_at_an_address_that_is_none_is_a_gap_and_no_answer(indexes: Indexes, url: str) -> None:
    own = msgspec.structs.replace(indexes.recipe.indexes[0], url=url)
    refreshed = indexes.refresh(indexes=(own,), releases=(release("1.0", "cpu", "cu126"),))
    assert not [change for change in refreshed.changes if change.loud]
    assert "not an address that files are read from" in refreshed.gaps[0].reason


def test_a_variant_that_names_its_index_is_compared_with_that(indexes: Indexes) -> None:
    indexes.recipe = indexes.refresh().recipe
    url = indexes.server.url.removesuffix("/simple") + "/whl/jp6"
    board = IndexRow(name="board-jp6", url=url, packages=("frame",), source="people", own=True)
    placed = row("jp6", "12.6", "aarch64", index="board-jp6", releases=">=1.1", pythons=("3.12",))
    fields = {"indexes": (*indexes.recipe.indexes, board), "variants": (*indexes.recipe.variants, placed)}
    indexes.serve("jp6", {"1.1": {"aarch64": BOTH[:1]}}, label=False)
    assert indexes.told(**fields) == []
    indexes.serve("jp6", {"1.1": {"x86_64": BOTH[:1]}}, label=False)
    assert indexes.told(**fields) == [
        "! 1.1: OWN INDEX DISAGREES: a row has jp6 on aarch64 from `board-jp6`, which has no wheel of it"
    ]


def test_a_package_that_a_variant_has_is_looked_for(indexes: Indexes) -> None:
    indexes.recipe = indexes.refresh().recipe
    variants = tuple(
        msgspec.structs.replace(one, package="frame-gpu") if one.variant == "cu126" else one
        for one in indexes.recipe.variants
    )
    assert [text for text in indexes.told(variants=variants) if "`indexed` has cu126" in text]
    indexes.serve("cu126", {version: {"x86_64": BOTH} for version in ("1.0", "1.1")}, package="frame-gpu")
    kind, body = indexes.server.pages["/whl/cu126/frame-gpu/"]
    indexes.server.pages["/whl/cu126/frame-gpu/"] = (kind, body.replace(b"frame-gpu-1", b"frame_gpu-1"))
    assert indexes.told(variants=variants) == []


def test_a_mirror_of_the_settings_is_asked_in_the_place_of_the_index(indexes: Indexes) -> None:
    mirror = Setting(value=indexes.url.replace("{variant}", "mirror"), origin="uv")
    pages = indexes.server.pages
    pages["/whl/mirror/frame/"] = pages.pop("/whl/cu126/frame/")
    named = {"frame-cu126": mirror}
    sources = PackageSources(index=Setting(value=indexes.world.server.url, origin="test"), named_indexes=named)
    session = Session(indexes.world.server.url, sources, lambda _: None, Cache(indexes.world.cache))
    refreshed = refresh_recipe(indexes.recipe, indexes.world.facts(), session.reader)
    assert refreshed.recipe.releases[0].indexed == ("cpu", "cu126", "cu128")


def test_a_recipe_without_derive_is_compared_with_its_own_indexes(indexes: Indexes) -> None:
    told = indexes.told(derive=None, releases=(release("1.0", "cpu", "cu126", "cu128", derived=False),))
    assert told == [
        "  1.1: on frame-cu128, frame-cu126, frame-cpu and not in the recipe",
        "! 1.0: OWN INDEX DISAGREES: `indexed` has cu128, the index has no wheel of it; the row is kept",
    ]


def test_the_command_reads_own_indexes_and_remembers_them(indexes: Indexes, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    file = home.recipe.with_name("frame.yaml")
    file.parent.mkdir(parents=True)
    file.write_text(canonical_document(indexes.recipe))
    settings = {"PIP_INDEX_URL": indexes.world.server.url}
    ended = home.run("matrix", "refresh", "frame", **settings)
    assert ended.status == 0
    assert "  frame 1.1: indexed none → cpu cu126 cu128\n" in ended.stdout
    assert "indexed: [cpu, cu126, cu128]" in file.read_text()
    indexes.server.close()
    indexes.world.server.close()
    offline = home.run("matrix", "refresh", "frame", "--check", "--offline", **settings)
    assert (offline.status, offline.stdout) == (0, "")
    assert "not known" not in offline.stderr
