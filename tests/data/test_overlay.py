"""A site's own rows: put over those of the same file, row by row."""

from pathlib import Path

import pytest

from envkit.data import load_matrix, recipe_names
from envkit.data.canonical import canonical_fields
from envkit.data.origins import Origins
from envkit.data.overlay import merge_fields, read_data_file
from envkit.data.places import DataFile, find_files
from envkit.errors import DataError
from envkit.model.recipe import Recipe
from envkit.model.vendor import Vendor

SOURCE = 'sources: {mirror: {text: "our build farm", retrieved: "2026-11-01"}}\n'
RELEASE = (
    'releases: [{version: "99.0", released: "2026-11-01", pythons: ["3.12"], source: mirror, libc: {x86_64: "2.28"}, '
    "default: {x86_64: cpu}}]\n"
)


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


def overlay(places: Path, kind: str, name: str, text: str) -> Path:
    path = places / "config" / "envkit" / "overlay" / kind / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def file_of(kind: str, name: str) -> DataFile:
    return next(file for file in find_files() if (file.kind, file.name) == (kind, name))


def load_recipe(name: str) -> Recipe:
    return read_data_file(file_of("recipes", name), Recipe).document


def load_vendor(name: str) -> Vendor:
    return read_data_file(file_of("vendors", name), Vendor).document


def test_rows_are_added_beside_those_of_the_recipe_newest_release_first(places: Path) -> None:
    before = load_recipe("pytorch")
    overlay(places, "recipes", "pytorch", SOURCE + RELEASE)
    after = load_recipe("pytorch")
    assert [row.version for row in after.releases] == ["99.0", *(row.version for row in before.releases)]
    assert after.variants == before.variants
    assert after.sources == before.sources | {"mirror": after.sources["mirror"]}


def test_a_row_with_the_same_key_is_replaced_in_its_place(places: Path) -> None:
    before = load_recipe("pytorch").releases
    changed = RELEASE.replace("99.0", before[3].version)
    overlay(places, "recipes", "pytorch", SOURCE + changed)
    after = load_recipe("pytorch").releases
    assert [row.version for row in after] == [row.version for row in before]
    assert (after[3].source, after[3].pythons) == ("mirror", ("3.12",))
    assert (*after[:3], *after[4:]) == (*before[:3], *before[4:])


def test_words_are_added_and_everything_else_is_replaced(places: Path) -> None:
    before = load_recipe("pytorch")
    overlay(places, "recipes", "pytorch", "title: Ours\naliases: [our-torch, torch]\n")
    after = load_recipe("pytorch")
    assert (after.title, after.summary) == ("Ours", before.summary)
    assert after.aliases == (*before.aliases, "our-torch")


def test_a_vendor_takes_rows_as_well(places: Path) -> None:
    before = load_vendor("nvidia")
    text = 'sources: {lab: {text: "measured", retrieved: "2026-11-01"}}\n'
    text += 'driver_floors: [{runtime_major: 13, minimum: "590.1", source: lab}]\n'
    text += "models: [{architecture: sm_90, names: [Lab Card], source: lab}]\n"
    overlay(places, "vendors", "nvidia", text)
    after = load_vendor("nvidia")
    floors = {floor.runtime_major: floor.minimum for floor in after.driver_floors}
    assert floors == {floor.runtime_major: floor.minimum for floor in before.driver_floors} | {13: "590.1"}
    assert after.models == (*before.models, after.models[-1])
    assert after.models[-1].names == ("Lab Card",)


def test_replace_lets_the_file_stand_alone(places: Path) -> None:
    text = (
        "replace: true\nname: pytorch\ntitle: T\nsummary: S\npackage: torch\n"
        "sources: {}\nreleases: []\nvariants: []\nsmoke: {program: x, devices: {}, imports: []}\n"
    )
    overlay(places, "recipes", "pytorch", text)
    assert load_recipe("pytorch").releases == ()


def test_a_new_name_is_a_recipe_of_its_own_with_or_without_replace(places: Path) -> None:
    body = "title: T\nsummary: S\npackage: mine\nsources: {}\nreleases: []\nvariants: []\n"
    body += "smoke: {program: x, devices: {}, imports: []}\n"
    overlay(places, "recipes", "mine", "name: mine\n" + body)
    overlay(places, "recipes", "other", "replace: true\nname: other\n" + body)
    assert {load_recipe(name).name for name in ("mine", "other")} == {"mine", "other"}


def test_a_change_of_the_overlay_alone_is_seen(places: Path) -> None:
    path = overlay(places, "recipes", "pytorch", "title: One\n")
    first = load_matrix(("pytorch",))
    path.write_text("title: Two words\n")
    second = load_matrix(("pytorch",))
    assert [matrix.recipes[0].title for matrix in (first, second)] == ["One", "Two words"]
    assert first.revision != second.revision


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("titel: x\n", r"unknown key `\$\.titel` \(did you mean `title`\?\): .*pytorch\.yaml:1:1"),
        ("releases: [{version: 2.9}]\n", r"faults: .*pytorch\.yaml"),
        ("replace: 1\n", r"expected `bool` in `\$\.replace`: .*pytorch\.yaml:1:1"),
        ("- 1\n", r"holds fields of a recipe or vendor: .*pytorch\.yaml"),
    ],
)
def test_faults_are_those_of_the_overlays_file(places: Path, text: str, message: str) -> None:
    overlay(places, "recipes", "pytorch", text)
    with pytest.raises(DataError, match=message):
        load_recipe("pytorch")


def test_another_name_than_the_files_is_refused(places: Path) -> None:
    overlay(places, "recipes", "pytorch", "name: other\n")
    with pytest.raises(DataError, match=r"not named after its `name`, `other`: .*overlay/recipes/pytorch\.yaml"):
        recipe_names()


def test_the_origin_of_every_row_is_known(places: Path) -> None:
    path = overlay(places, "recipes", "pytorch", SOURCE + RELEASE)
    origins = Origins("recipes", "pytorch")
    ours, theirs = str(path), origins.files[0]
    assert origins.files == (theirs, ours)
    assert origins.of(("releases", 0)) == ours
    assert origins.of(("releases", 1)) == theirs
    assert origins.of(("sources", "mirror", "text")) == ours
    assert origins.of(("variants", 0)) == theirs


def test_the_place_in_the_overlays_file_is_known_for_a_row_that_moved() -> None:
    base = {"releases": [{"version": "3.0"}, {"version": "1.0"}]}
    merged = merge_fields(base, {"releases": [{"version": "0.5"}, {"version": "2.0"}]}, Recipe)
    assert [row["version"] for row in merged.fields["releases"]] == ["3.0", "2.0", "1.0", "0.5"]  # type: ignore[attr-defined]
    places = [merged.origin(("releases", place, "version")) for place in range(4)]
    assert [(origin.overlay, origin.path) for origin in places] == [
        (False, ("releases", 0, "version")),
        (True, ("releases", 1, "version")),
        (False, ("releases", 1, "version")),
        (True, ("releases", 0, "version")),
    ]


def test_fields_of_an_overlay_have_a_canonical_spelling_in_the_order_of_the_recipe() -> None:
    fields: dict[str, object] = {"title": "T", "name": "x", "replace": True, "aliases": []}
    assert canonical_fields(fields, Recipe, "# ours\n") == "# ours\nreplace: true\nname: x\ntitle: T\naliases: []\n"
