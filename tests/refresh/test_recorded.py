"""Derived rows held against what the index last answered, as `envkit matrix check` does it without a network."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from envkit.data import decode_document
from envkit.data.canonical import canonical_document
from envkit.data.checking import check_files, files_at, files_in_use
from envkit.data.overlay import read_data_file
from envkit.data.places import DataFile
from envkit.model.recipe import Recipe
from envkit.model.recorded import Recorded
from envkit.refresh import recipe_files, refresh_recipe
from envkit.refresh.derived import recorded_faults
from envkit.refresh.places import RecipeFile, write_recipe
from envkit.refresh.recorded import record_path, record_text, write_record
from tests.cli.conftest import Home
from tests.refresh.test_places import Installed

ROOT = Path(__file__).parents[2]
World = Any  # see conftest.py


class Checkout:
    """A folder of recipes with the recipe of `frame`, refreshed from an index, and its record."""

    def __init__(self, root: Path, world: World, recipe: Recipe) -> None:
        self.world = world
        self.file = root / "recipes" / "frame.yaml"
        self.file.parent.mkdir(parents=True)
        self.file.write_text(canonical_document(recipe))
        self.record = record_path(str(self.file))

    def refresh(self) -> str | None:
        """Refresh as the command does, and return the path of the record when something new was recorded."""
        recipe = decode_document(self.file.read_text(), "frame.yaml", Recipe)
        file = RecipeFile(recipe=recipe, target=str(self.file))
        refreshed = refresh_recipe(recipe, self.world.facts(), self.world.session().reader)
        recorded = write_record(file, refreshed.recipe, refreshed.observation, "2026-06-01")
        write_recipe(file, refreshed.recipe)
        return recorded

    def edit(self, old: str, new: str, *, record: bool = False) -> None:
        path = self.record if record else self.file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    def faults(self) -> list[str]:
        report = check_files(files_at((str(self.file),)), rules=(recorded_faults,))
        return [f"{fault.line} {fault.path} {fault.rule}: {fault.problem}" for fault in report.faults]


@pytest.fixture
def checkout(tmp_path: Path, world: World, recipe: Recipe) -> Checkout:
    world.release("1.0", cuda="12.6", uploaded="2026-01-02")
    world.release("1.1", cuda="12.8", machine=(90, 100), uploaded="2026-02-02")
    checkout = Checkout(tmp_path / "checkout", world, recipe)
    checkout.refresh()
    return checkout


def test_rows_as_they_were_derived_have_no_fault(checkout: Checkout) -> None:
    assert checkout.faults() == []


@pytest.mark.parametrize(
    ("old", "new", "path", "told"),
    [
        (
            'released: "2026-02-02"',
            'released: "2026-02-03"',
            "releases[0].released",
            '"2026-02-02", found "2026-02-03"',
        ),
        ('["3.12", "3.13"]', '["3.12", "3.14"]', "releases[0].pythons", 'gives ["3.12","3.13"], found ["3.12","3.14"]'),
        ('"2.28"', '"2.27"', "releases[0].libc", 'gives {"x86_64":"2.28"}, found {"x86_64":"2.27"}'),
        ("[sm_90, sm_100]", "[sm_80, sm_90, sm_100]", "variants[0].architectures", 'gives ["sm_90","sm_100"]'),
        ('version: "12.8"', 'version: "12.9"', "variants[0].runtime", '"version":"12.8"'),
        (
            'releases: ">=1.1"',
            'releases: ">=1.1,<9"',
            "variants[0]",
            "no recorded answer gives the derived row of cu128",
        ),
        ('releases: ">=1.1"', 'releases: ">=1.1,<9"', "variants", "give a row of cu128 for >=1.1 that is not in"),
    ],
)
def test_a_derived_row_that_was_edited_by_hand_is_found(
    checkout: Checkout, old: str, new: str, path: str, told: str
) -> None:
    checkout.edit(old, new)
    assert [fault for fault in checkout.faults() if f"$.{path} recorded" in fault and told in fault]


def test_what_people_add_to_a_derived_row_is_theirs(checkout: Checkout) -> None:
    checkout.edit("default: {x86_64: cu128}\n", "default: {x86_64: cu128}\n    indexed: [cpu]\n")
    assert checkout.faults() == []


def test_a_row_that_claims_to_be_derived_and_was_never_answered_is_found(checkout: Checkout) -> None:
    checkout.edit('version: "1.1"', 'version: "1.2"')
    faults = checkout.faults()
    assert any(
        "$.releases[0] recorded: no upstream answer is recorded of the derived row of 1.2" in one for one in faults
    )
    assert any("1.1 is recorded of the index and has no row" in one for one in faults)


def test_a_derived_row_that_no_refresh_can_rewrite_is_found(checkout: Checkout) -> None:
    checkout.edit('releases: ">=1"\n  runtimes', 'releases: ">=1.1"\n  runtimes')
    assert any("out of the range of `derive.releases`, >=1.1" in fault for fault in checkout.faults())


def test_a_recipe_that_lost_its_record_is_found_and_a_folder_without_records_is_not(checkout: Checkout) -> None:
    checkout.record.unlink()
    assert any("no upstream answer is recorded" in fault for fault in checkout.faults())
    checkout.record.parent.rmdir()
    assert checkout.faults() == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("retrieved:", "retreived:", "retreived"),
        ('version: "1.1"', 'version: "one"', "not a version"),
        ('libc: {x86_64: "2.28"}', 'libc: {x86_64: "new"}', "not a glibc version"),
        ("releases:\n", "releases:\n  - [\n", "expected"),
        ("# What", "# Once more, what", "not in the form that `envkit matrix refresh` writes"),
    ],
)
def test_a_broken_record_is_a_fault_of_its_own_file(checkout: Checkout, old: str, new: str, told: str) -> None:
    checkout.edit(old, new, record=True)
    report = check_files(files_at((str(checkout.file),)), rules=(recorded_faults,))
    assert {fault.file for fault in report.faults} == {str(checkout.record)}
    assert any(told in fault.problem for fault in report.faults)


def test_an_answer_that_says_nothing_new_is_not_written_again(checkout: Checkout) -> None:
    before = checkout.record.read_bytes()
    assert checkout.refresh() is None
    assert checkout.record.read_bytes() == before
    record = decode_document(before.decode(), "frame.yaml", Recorded)
    assert record_text(record) == before.decode()
    assert [release.version for release in record.releases] == ["1.1", "1.0"]


def test_a_release_that_is_gone_keeps_its_row_and_its_answer(checkout: Checkout) -> None:
    for wheel in checkout.world.files.glob("frame-1.0-*"):
        wheel.unlink()
    checkout.refresh()
    assert checkout.faults() == []
    assert '"1.0"' in checkout.record.read_text()


def test_the_recipes_that_ship_are_what_their_records_give() -> None:
    report = check_files(files_in_use(), rules=(recorded_faults,))
    assert [str(fault) for fault in report.faults if fault.rule == "recorded"] == []
    derived = [file for file in recipe_files() if any(row.derived for row in file.recipe.releases)]
    assert len(derived) > 15
    assert all(record_path(file.target).is_file() for file in derived)


def test_the_command_finds_a_hand_edit_in_a_fresh_clone_without_network(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    recipe = tmp_path / "recipes" / "jax.yaml"
    text = recipe.read_text()
    row = next(row for row in decode_document(text, "jax.yaml", Recipe).releases if row.derived)
    recipe.write_text(text.replace(f'released: "{row.released}"', 'released: "2024-01-01"', 1))
    ended = Home(tmp_path / "home").run("matrix", "check", str(tmp_path / "recipes"))
    assert ended.status == 8
    assert "differs from the recorded upstream answer" in ended.stderr
    assert "1 fault in 1 of 24 files" in ended.stderr


def test_a_site_without_records_hears_no_complaint(world: World, recipe: Recipe, tmp_path: Path) -> None:
    world.release("1.0", cuda="12.8")
    home = Home(tmp_path / "home")
    file = home.recipe.with_name("frame.yaml")
    file.parent.mkdir(parents=True)
    file.write_text(canonical_document(recipe))
    settings = {"PIP_INDEX_URL": world.server.url}
    assert home.run("matrix", "refresh", "frame", **settings).status == 0
    record = record_path(str(file))
    assert record.is_file()
    assert home.run("matrix", "check", str(file)).status == 0
    file.write_text(file.read_text().replace('2026-01-01"\n    pythons', '2026-01-09"\n    pythons', 1))
    ended = home.run("matrix", "check", str(file))
    assert (ended.status, "differs from the recorded upstream answer" in ended.stderr) == (8, True)
    record.unlink()
    record.parent.rmdir()
    assert home.run("matrix", "check", str(file)).status == 0


def test_an_installed_envkit_records_in_the_overlay_what_differs(world: World, recipe: Recipe, tmp_path: Path) -> None:
    world.release("1.0", cuda="12.8")
    installed = Installed(tmp_path / "home", recipe, world.server.url)
    installed.refresh()
    record = record_path(str(installed.overlay))
    assert [one.version for one in decode_document(record.read_text(), "", Recorded).releases] == ["1.0"]
    assert installed.check() == (0, "")
    # The next envkit comes with these answers: what is refreshed then records only what is new since.
    bundled = record_path(str(installed.bundled))
    bundled.parent.mkdir()
    shutil.move(record, bundled)
    file = DataFile("recipes", "frame", str(installed.bundled), (0, 0), overlay=str(installed.overlay))
    installed.bundled.write_text(canonical_document(read_data_file(file, Recipe).document))
    installed.overlay.unlink()
    world.release("1.1", cuda="12.8")
    installed.refresh()
    assert [one.version for one in decode_document(record.read_text(), "", Recorded).releases] == ["1.1"]
    assert installed.check() == (0, "")
    installed.overlay.write_text(installed.overlay.read_text().replace("3.13", "3.14", 1))
    status, told = installed.check()
    assert (status, "differs from the recorded upstream answer" in told) == (8, True)
