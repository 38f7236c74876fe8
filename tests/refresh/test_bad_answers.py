"""What indexes, records and recipes should never hold: a coded error or a gap, and rows as they were."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from envkit.data import decode_document
from envkit.data.canonical import canonical_document
from envkit.errors import EnvkitError, IndexUnreachableError
from envkit.model.recipe import IndexRow, Recipe
from envkit.refresh import Refreshed, refresh_recipe
from tests.cli.conftest import Ended, Home

World = Any  # see conftest.py
PLATFORM = "manylinux_2_28_x86_64"


def refreshed(world: World, recipe: Recipe) -> Refreshed:
    return refresh_recipe(recipe, world.facts(), world.session().reader)


@pytest.mark.parametrize(
    "name",
    [
        f"frame-{'9' * 5000}-cp312-cp312-{PLATFORM}.whl",
        f"frame-{'9' * 300}-cp312-cp312-{PLATFORM}.whl",
        f"frame-2.0-cp{'3' * 5000}-cp312-{PLATFORM}.whl",
        f"frame-2.0-cp3999-cp3999-{PLATFORM}.whl",
        "frame-2.0-cp312-cp312-manylinux_2_999_x86_64.whl",
        "frame-2.0-cp312-cp312-manylinux_9_1_x86_64.whl",
        "frame-x.y-cp312-cp312-manylinux_2_28_x86_64.whl",
        "frame-2.0.whl",
        "-----.whl",
        ".whl",
    ],
)
def test_a_file_with_an_absurd_name_is_no_release(world: World, recipe: Recipe, name: str) -> None:
    world.release("1.0", cuda="12.8")
    world.server.extra.append({"filename": name, "url": f"../../files/{name}", "hashes": {}})
    assert [row.version for row in refreshed(world, recipe).recipe.releases] == ["1.0"]


@pytest.mark.parametrize("moment", ["yesterday", "2026-13-45T00:00:00Z", "2026-1-1", ""])
def test_a_release_without_a_day_that_is_one_is_not_recorded(world: World, recipe: Recipe, moment: str) -> None:
    world.release("1.0")
    world.release("1.1")
    for path in world.files.glob("frame-1.1-*"):
        path.rename(path.with_name(f"hidden-{path.name}"))
        row = {"filename": path.name, "url": f"../../files/hidden-{path.name}", "hashes": {}, "upload-time": moment}
        world.server.extra.append(row)
    result = refreshed(world, recipe)
    assert [row.version for row in result.recipe.releases] == ["1.0"]
    assert [gap.fact for gap in result.gaps if "when it was published" in gap.reason] == ["frame 1.1"]


@pytest.mark.parametrize(
    "address", ["http://[::1/x.whl", "http://" + "a" * 300 + "/x.whl", "ftp://x/x.whl", "http:///x.whl"]
)
def test_a_wheel_at_an_address_that_is_none_is_a_gap_or_no_wheel(world: World, recipe: Recipe, address: str) -> None:
    world.release("1.0", cuda="12.8")
    name = f"frame-1.1-cp312-cp312-{PLATFORM}.whl"
    world.server.extra.append({"filename": name, "url": address, "hashes": {}, "upload-time": "2026-01-01"})
    assert [row.version for row in refreshed(world, recipe).recipe.releases] == ["1.0"]


@pytest.mark.parametrize("address", ["http://[::1", "http://", "http://x:99999/", "ftp://x/", "http://" + "a" * 300])
def test_an_address_that_is_none_is_a_wrong_option(world: World, recipe: Recipe, tmp_path: Path, address: str) -> None:
    ended = Command(tmp_path, world, recipe).refresh("frame", "--index", address)
    assert ended.status == 2
    assert "a refresh reads an index by http or https, not:" in ended.stderr


def test_an_own_index_at_an_address_that_is_none_is_bad_data(world: World, recipe: Recipe, tmp_path: Path) -> None:
    world.release("1.0")
    own = IndexRow(name="own", url="http://[::1/{variant}", packages=("frame",), source="people")
    command = Command(tmp_path, world, msgspec.structs.replace(recipe, indexes=(own,)))
    for arguments in (("check", str(command.folder)), ("refresh", "frame")):
        ended = command.run(*arguments)
        assert ended.status == 8, ended.stderr
        assert "not an address by http or https" in ended.stderr


def test_names_that_cannot_be_are_wrong_arguments(world: World, recipe: Recipe, tmp_path: Path) -> None:
    command = Command(tmp_path, world, recipe)
    loop = command.folder / "loop.yaml"
    for arguments in (("diff", "x" * 5000), ("show", f"nvidia/{'9' * 5000}"), ("show", "nvidia/1²")):
        ended = command.run(*arguments)
        assert (arguments[0], ended.status) == (arguments[0], 2), ended.stderr
    loop.symlink_to("loop.yaml")
    ended = command.run("check", str(command.folder))
    assert (ended.status, str(loop) in ended.stderr) == (2, True)


def test_a_reason_for_withdrawing_a_release_is_cut(world: World, recipe: Recipe) -> None:
    world.release("1.0")
    for path in world.files.iterdir():
        world.server.yanked[path.name] = "wrong " * 10_000
    (row,) = refreshed(world, recipe).recipe.releases
    assert row.yanked is not None
    assert len(row.yanked) <= 500


@pytest.mark.parametrize("version", ["'²'", "'" + "9" * 5000 + "'", "'12x'", "12.8", "True", "''"])
def test_a_module_that_names_no_version_is_a_gap(
    world: World, recipe: Recipe, write_wheel: Callable[..., Path], version: str
) -> None:
    members = {"frame/version.py": f"cuda = {version}\n".encode()}
    write_wheel(world.files, "frame", "1.0", f"cp312-cp312-{PLATFORM}", members=members)
    result = refreshed(world, recipe)
    assert result.recipe.releases == ()
    assert any("the module names no version of cuda" in gap.reason for gap in result.gaps)


def test_a_requirement_of_thousands_of_digits_is_left_out(world: World, recipe: Recipe) -> None:
    world.release("1.0", cuda="12.8", requires=(f"nvidia-cudnn-cu12=={'9' * 5000}", "nvidia-cublas-cu12==1"))
    (change,) = [one for one in refreshed(world, recipe).changes if one.kind == "missing-requirement"]
    assert change.text == "REQUIRES WHAT THE INDEX DOES NOT HAVE on x86_64: nvidia-cublas-cu12==1"


def test_wheels_for_a_new_processor_that_cannot_be_read_are_a_gap(
    world: World, recipe: Recipe, write_wheel: Callable[..., Path]
) -> None:
    world.release("1.0", cuda="12.8")
    known = refreshed(world, recipe).recipe
    wheel = write_wheel(world.files, "frame", "1.0", "cp312-cp312-manylinux_2_28_aarch64")
    wheel.write_bytes(b"no archive")
    result = refreshed(world, known)
    assert [gap.fact for gap in result.gaps] == ["1.0 aarch64"]
    (row,) = result.recipe.releases
    assert row.default == {"x86_64": "cu128"}


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/html", b"<!DOCTYPE html><html>Please log in</html>"),
        ("application/vnd.pypi.simple.v1+json", b'{"files": [{"filename": "frame-1.0'),
        ("application/vnd.pypi.simple.v1+json", b'{"files": 7}'),
        ("application/vnd.pypi.simple.v1+json", b"[" * 100_000),
        ("application/vnd.pypi.simple.v1+json", b"\xff\xfe"),
        ("application/octet-stream", b"PK\x03\x04"),
        ("", b""),
    ],
)
def test_an_answer_that_is_no_listing_is_no_network(world: World, recipe: Recipe, kind: str, body: bytes) -> None:
    world.release("1.0")
    world.server.pages["/simple/frame/"] = (kind, body)
    with pytest.raises(IndexUnreachableError):
        refreshed(world, recipe)


def test_a_login_page_in_the_place_of_an_index_ends_the_command_with_9(
    world: World, recipe: Recipe, tmp_path: Path
) -> None:
    world.server.pages["/simple/frame/"] = ("text/html", b"<!DOCTYPE html><html>Please log in</html>")
    ended = Command(tmp_path, world, recipe).refresh("frame")
    assert ended.status == 9, ended.stderr
    assert "error[EK0902]" in ended.stderr


class Command:
    """A home with recipes in its overlay."""

    def __init__(self, root: Path, world: World, *recipes: Recipe) -> None:
        self.home = Home(root / "home")
        self.world = world
        self.folder = self.home.recipe.parent
        self.folder.mkdir(parents=True)
        for recipe in recipes:
            (self.folder / f"{recipe.name}.yaml").write_text(canonical_document(recipe))

    def edit(self, old: str, new: str, name: str = "frame.yaml") -> None:
        text = (self.folder / name).read_text()
        assert old in text
        (self.folder / name).write_text(text.replace(old, new, 1))

    def run(self, *arguments: str) -> Ended:
        return self.home.run("matrix", *arguments, PIP_INDEX_URL=self.world.server.url)

    def refresh(self, *arguments: str) -> Ended:
        return self.run("refresh", *arguments)


def test_a_recipe_that_fails_does_not_lose_the_others(world: World, recipe: Recipe, tmp_path: Path) -> None:
    world.release("1.0", cuda="12.8")
    other = msgspec.structs.replace(recipe, name="absent", package="absent")
    command = Command(tmp_path, world, other, recipe)
    ended = command.refresh("absent", "frame", "--json")
    assert ended.status == 8
    assert "the index has no project `absent`" in ended.stderr
    news = {one["recipe"]: one for one in json.loads(ended.stdout)["recipes"]}
    assert news["absent"]["gaps"][0]["reason"].startswith("EK0801: the index has no project")
    assert news["frame"]["written"] is not None
    assert "1.0" in (command.folder / "frame.yaml").read_text()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('version: "1.0"', 'version: "one"'),
        ('releases: ">=1"', 'releases: ">=é"'),
        ('version: "12.8"', f'version: "{"9" * 5000}"'),
    ],
)
def test_rows_that_cannot_be_computed_with_are_bad_data_for_every_command(
    world: World, recipe: Recipe, tmp_path: Path, old: str, new: str
) -> None:
    world.release("1.0", cuda="12.8")
    command = Command(tmp_path, world, recipe)
    assert command.refresh("frame").status == 0
    good = tmp_path / "good" / "recipes" / "frame.yaml"
    good.parent.mkdir(parents=True)
    good.write_text((command.folder / "frame.yaml").read_text())
    command.edit(old, new)
    before = (command.folder / "frame.yaml").read_bytes()
    for arguments in (
        ("check",),
        ("show", "frame"),
        ("diff", str(command.folder), str(good)),
        ("refresh", "frame"),
    ):
        ended = command.run(*arguments)
        assert (arguments[0], ended.status) == (arguments[0], 8), ended.stderr
        assert "error[EK0803]" in ended.stderr
        assert "Traceback" not in ended.stderr
    assert (command.folder / "frame.yaml").read_bytes() == before


def test_a_broken_record_stops_its_recipe_and_is_named(world: World, recipe: Recipe, tmp_path: Path) -> None:
    world.release("1.0", cuda="12.8")
    command = Command(tmp_path, world, recipe)
    command.refresh("frame")
    record = command.folder / "recorded" / "frame.yaml"
    record.write_text(record.read_text().replace('version: "1.0"', 'version: "one"', 1))
    world.release("1.1", cuda="12.8")
    before = (command.folder / "frame.yaml").read_bytes()
    ended = command.refresh("frame")
    assert ended.status == 8
    assert str(record) in ended.stderr
    assert (command.folder / "frame.yaml").read_bytes() == before


def test_an_index_that_lies_about_a_range_is_a_coded_error(world: World, recipe: Recipe) -> None:
    world.release("1.0", cuda="12.8")
    with pytest.raises(EnvkitError, match=r"`derive.releases` is not a range"):
        refreshed(world, msgspec.structs.replace(recipe, derive=msgspec.structs.replace(recipe.derive, releases="=")))


def test_a_recipe_that_is_its_own_source_ends(world: World, recipe: Recipe) -> None:
    world.release("1.0", requires=("frame>=1",))
    assert recipe.derive is not None
    derive = msgspec.structs.replace(recipe.derive, required_by="frame", requires=("frame",))
    result = refreshed(world, msgspec.structs.replace(recipe, derive=derive))
    assert decode_document(canonical_document(result.recipe), "", Recipe) == result.recipe
