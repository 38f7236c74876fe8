import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from envkit.data import load_foundations, load_matrix, load_recipe, load_vendor, load_vendors, recipe_names
from envkit.errors import DataError, ExitStatus, UnknownRecipeError, UsageError
from envkit.model.matrix import Matrix

RECIPES = Path(__file__).parents[2] / "recipes"
PROBE = (
    "import sys\n"
    "from envkit.data import load_matrix\n"
    "load_matrix(('pytorch',))\n"
    "print('yaml' in sys.modules, 'json' in sys.modules)"
)


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path


def caches(places: Path) -> list[Path]:
    return sorted((places / "cache" / "envkit" / "matrix").iterdir())


def overlay(places: Path, kind: str, name: str, text: str) -> Path:
    directory = places / "config" / "envkit" / "overlay" / kind
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{name}.yaml"
    path.write_text(text)
    return path


def imports_parsers() -> str:
    return subprocess.run([sys.executable, "-c", PROBE], check=True, capture_output=True, text=True).stdout.strip()


def small_recipe(name: str) -> str:
    return (
        f"name: {name}\ntitle: T\nsummary: S\npackage: {name}\n"
        "sources: {s: {text: here, retrieved: '2027-01-01'}}\n"
        "releases: []\nvariants: []\nsmoke: {program: x, devices: {}, imports: []}\n"
    )


def test_every_recipe_file_is_in_the_matrix() -> None:
    names = tuple(sorted(path.stem for path in RECIPES.glob("*.yaml")))
    assert recipe_names() == names
    assert tuple(recipe.name for recipe in load_matrix().recipes) == names


def test_a_matrix_holds_the_recipes_asked_for_once_and_all_vendors() -> None:
    matrix = load_matrix(("torch", "pytorch", "jax"))
    assert [recipe.name for recipe in matrix.recipes] == ["pytorch", "jax"]
    assert matrix.vendors == load_vendors()
    assert matrix.foundations == load_foundations()
    assert matrix.recipes[0] == load_recipe("torch")


def test_the_revision_is_of_the_files_used() -> None:
    every, one = load_matrix(), load_matrix(("jax",))
    assert len(every.revision) == 12
    assert int(every.revision, 16) >= 0
    assert every.revision != one.revision
    assert load_matrix(("jax",)).revision == one.revision


def test_an_unknown_recipe_brings_similar_names_and_aliases() -> None:
    with pytest.raises(UnknownRecipeError) as caught:
        load_matrix(("pytroch",))
    assert caught.value.message == "no recipe has this name: `pytroch`"
    assert caught.value.hints == ("did you mean `pytorch` or `torch`?",)
    assert caught.value.status == ExitStatus.USAGE


def test_a_recipe_unlike_any_brings_all_names() -> None:
    with pytest.raises(UnknownRecipeError) as caught:
        load_recipe("xyzzy")
    assert "`jax`" in caught.value.hints[0]
    assert "`torch`" in caught.value.hints[0]


def test_an_unknown_vendor_brings_similar_names() -> None:
    assert load_vendor("nvidia").runtime == "cuda"
    with pytest.raises(UsageError, match="no vendor has this name: `nvida`") as caught:
        load_vendor("nvida")
    assert caught.value.hints == ("did you mean `nvidia`?",)


def test_a_warm_cache_needs_no_parser_and_gives_the_same_matrix(places: Path) -> None:
    assert imports_parsers() == "True True"
    assert imports_parsers() == "False False"
    (cache,) = caches(places)
    warm = load_matrix()
    cache.unlink()
    assert load_matrix() == warm


def test_the_cache_is_for_its_owner_only(places: Path) -> None:
    load_matrix()
    (cache,) = caches(places)
    assert stat.S_IMODE(cache.stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"\xff\x00rubbish", b"\x81\xa3key\xa1x"])
def test_a_broken_cache_is_rebuilt(places: Path, content: bytes) -> None:
    matrix = load_matrix()
    (cache,) = caches(places)
    cache.write_bytes(content)
    assert load_matrix() == matrix
    assert cache.stat().st_size > 1000


def test_a_cut_cache_is_rebuilt(places: Path) -> None:
    matrix = load_matrix()
    (cache,) = caches(places)
    whole = cache.read_bytes()
    cache.write_bytes(whole[: len(whole) // 2])
    assert load_matrix() == matrix
    assert cache.read_bytes() == whole


def test_a_cache_that_cannot_be_written_is_no_error(places: Path) -> None:
    (places / "cache").write_text("a file where a directory should be")
    assert load_recipe("pytorch").package == "torch"


def test_an_overlay_adds_a_recipe_and_a_vendor(places: Path) -> None:
    before = load_matrix()
    overlay(places, "recipes", "mine", small_recipe("mine"))
    overlay(places, "vendors", "acme", "name: acme\ntitle: ACME\npci_vendors: [abcd]\nsources: {}\n")
    matrix = load_matrix(("mine",))
    assert matrix.newest_source == "2027-01-01"
    assert matrix.vendor("acme") == load_vendor("acme")
    assert set(recipe_names()) == {recipe.name for recipe in before.recipes} | {"mine"}


def test_an_overlay_replaces_a_file_of_the_same_name_and_a_change_of_it_is_seen(places: Path) -> None:
    def summary(matrix: Matrix) -> str:
        return matrix.recipes[0].summary

    original = load_matrix(("pytorch",))
    path = overlay(places, "recipes", "pytorch", small_recipe("pytorch"))
    replaced = load_matrix(("pytorch",))
    assert summary(replaced) == "S"
    assert replaced.revision != original.revision
    path.write_text(small_recipe("pytorch").replace("summary: S", "summary: Changed"))
    assert summary(load_matrix(("pytorch",))) == "Changed"
    path.unlink()
    assert load_matrix(("pytorch",)) == original


def test_a_changed_file_of_equal_size_is_seen_by_its_time(places: Path) -> None:
    path = overlay(places, "recipes", "mine", small_recipe("mine"))
    assert load_recipe("mine").summary == "S"
    path.write_text(small_recipe("mine").replace("summary: S", "summary: Z"))
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert load_recipe("mine").summary == "Z"


def test_a_broken_overlay_file_is_named_with_line_and_column(places: Path) -> None:
    path = overlay(places, "recipes", "mine", small_recipe("mine") + "alias: [m]\n")
    with pytest.raises(DataError) as caught:
        load_matrix(("pytorch",))
    assert caught.value.message == f"unknown key `$.alias` (did you mean `aliases`?): {path}:9:1"


def test_a_file_that_is_not_named_after_its_recipe_is_refused(places: Path) -> None:
    overlay(places, "recipes", "other", small_recipe("mine"))
    with pytest.raises(DataError, match="not named after its `name`, `mine`"):
        recipe_names()


def test_a_file_that_is_not_utf_8_is_refused(places: Path) -> None:
    overlay(places, "recipes", "mine", "").write_bytes(b"name: \xff\n")
    with pytest.raises(DataError, match="cannot be read"):
        recipe_names()


def test_a_link_to_nowhere_in_the_overlay_is_named(places: Path) -> None:
    path = overlay(places, "recipes", "mine", "")
    path.unlink()
    path.symlink_to(places / "gone")
    with pytest.raises(DataError) as caught:
        recipe_names()
    assert caught.value.message == f"the data files cannot be listed (no such file or directory): {path}"


def test_an_overlay_replaces_the_foundations(places: Path) -> None:
    text = "sources: {}\npython_preference: ['3.13']\nsettle_days: 0\nbases: []\ndistributions: []\n"
    overlay(places, ".", "foundations", text)
    assert load_foundations().python_preference == ("3.13",)


def test_what_a_recipe_requires_or_pins_is_loaded_with_it() -> None:
    assert {recipe.name for recipe in load_matrix(("transformers",)).recipes} == {"transformers", "pytorch"}
    assert {"vllm", "pytorch"} <= {recipe.name for recipe in load_matrix(("vllm",)).recipes}
