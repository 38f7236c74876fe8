"""`envkit matrix check | show | diff | schema` as they are run, and the table in the docs."""

import os
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from envkit.cli.application import run_application
from envkit.cli.output import Output
from envkit.data import recipe_names

ROOT = Path(__file__).resolve().parents[2]
TABLE = (ROOT / "docs" / "reference" / "matrix.md").read_text(encoding="utf-8")
ROWS = [
    tuple(cell.strip() for cell in line.strip("|").split(" | "))
    for line in TABLE.splitlines()
    if line.startswith("| ") and "`envkit resolve" in line
]
OVERLAY = (
    'sources: {ours: {text: "our build farm", retrieved: "2026-11-01"}}\n'
    "releases:\n"
    '  - {version: "99.0", released: "2026-11-01", pythons: ["3.12"], source: ours, default: {x86_64: cpu}}\n'
)


def overlay(home, name: str, text: str) -> Path:
    path = home.recipe.with_name(f"{name}.yaml")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_check_tells_every_fault_with_its_place_and_ends_with_8(tiny) -> None:
    text = tiny.recipe.read_text()
    tiny.recipe.write_text(text.replace('version: "1.0"', 'version: "1..0"').replace("vendor: cpu,", "vendor: cpus,"))
    ended = tiny.run("matrix", "check", str(tiny.recipe))
    assert (ended.status, ended.stdout) == (8, "")
    assert "error[EK0803]: " in ended.stderr
    assert (
        f"{tiny.recipe}:8:5: not a version as PEP 440 has them, found '1..0' in `$.releases[0].version`" in ended.stderr
    )
    assert f"{tiny.recipe}:14:" in ended.stderr
    assert "no vendor has this name, found 'cpus' in `$.variants[0].vendor` (vendor)" in ended.stderr


def test_check_as_json_is_the_report(tiny) -> None:
    tiny.recipe.write_text(tiny.recipe.read_text().replace("source: test\n", "source: gone\n"))
    ended = tiny.run("matrix", "check", str(tiny.recipe), "--json")
    assert (ended.status, ended.json["format"], ended.json["files"]) == (8, "envkit-matrix-check/1", [str(tiny.recipe)])
    assert [(fault["rule"], fault["path"]) for fault in ended.json["faults"] if fault["rule"] == "source"] == [
        ("source", "$.releases[0].source")
    ]


def test_check_repairs_the_spelling_when_asked(tiny) -> None:
    ended = tiny.run("matrix", "check", str(tiny.recipe))
    assert ended.status == 8  # the fixture's recipe is not spelled canonically
    assert f"hint: envkit matrix check --fix {tiny.recipe}" in ended.stderr
    ended = tiny.run("matrix", "check", "--fix", str(tiny.recipe))
    assert (ended.status, ended.stdout) == (0, "1 file without fault\n")
    assert tiny.run("matrix", "check", str(tiny.recipe)).status == 0


def test_check_without_paths_looks_at_the_overlay_too(home) -> None:
    path = overlay(home, "pytorch", OVERLAY.replace("source: ours", "source: theirs"))
    ended = home.run("matrix", "check")
    assert ended.status == 8
    assert f"{path}:3:5" in ended.stderr or f"{path}:3:" in ended.stderr
    assert "found 'theirs' in `$.releases[0].source` (source)" in ended.stderr


def test_show_lists_every_recipe_and_vendor_with_its_origin(home) -> None:
    overlay(home, "pytorch", OVERLAY)
    ended = home.run("matrix", "show")
    lines = {line.split()[0]: line for line in ended.stdout.splitlines() if line}
    assert ended.status == 0
    assert set(recipe_names()) <= set(lines)
    assert lines["pytorch"].endswith("envkit, overlay/recipes/pytorch.yaml")
    assert lines["jax"].endswith("  envkit")
    assert "99.0" in lines["pytorch"]


def test_show_gives_a_row_for_each_build_of_a_recipe(home) -> None:
    overlay(home, "pytorch", OVERLAY)
    ended = home.run("matrix", "show", "torch")
    rows = [line for line in ended.stdout.splitlines() if line.startswith("99.0")]
    assert ["99.0", "cpu", "cpu", "default", "x86_64"] in [row.split()[:5] for row in rows]
    assert all(row.endswith("overlay/recipes/pytorch.yaml, envkit") for row in rows)
    build = next(line for line in ended.stdout.splitlines() if line.startswith("2.9.1") and "cu128" in line)
    for word in ("nvidia", "default", "cuda 12.8", ">=525.60.13", "3.10", "sm_120"):
        assert word in build


def test_show_of_one_release_is_json_with_floor_and_sources(home) -> None:
    shown = home.run("matrix", "show", "pytorch/2.9.1", "--json").json
    assert {build["release"] for build in shown["builds"]} == {"2.9.1"}
    build = next(build for build in shown["builds"] if build["variant"] == "cu126")
    assert (build["driver_floor"], build["index"], build["runtime"]["version"]) == (
        "525.60.13",
        "pytorch-cu126",
        "12.6",
    )
    assert build["source"]


def test_show_of_a_vendor_has_its_devices_drivers_and_builds(home) -> None:
    text = home.run("matrix", "show", "nvidia").stdout
    assert "H100" in text
    assert "12.8     >=570.26" in text
    narrowed = home.run("matrix", "show", "nvidia/12.8").stdout
    assert "12.6" not in narrowed.partition("RECIPE")[0]
    assert "cu128" in narrowed


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pytroch", "envkit matrix show pytorch"),
        ("pytorch/0.1", "pytorch has no such release in the matrix: 0.1"),
        ("nvidia/77", "nothing is known of this runtime of nvidia: 77"),
    ],
)
def test_show_of_what_is_not_there_is_a_usage_error(home, name: str, words: str) -> None:
    ended = home.run("matrix", "show", name)
    assert (ended.status, ended.stdout) == (2, "")
    assert words in ended.stderr


def test_diff_of_two_directories_reads_as_news(home) -> None:
    for name in ("old", "new"):
        (home.project / name / "recipes").mkdir(parents=True)
        shutil.copy(ROOT / "recipes" / "pytorch.yaml", home.project / name / "recipes")
    path = home.project / "new" / "recipes" / "pytorch.yaml"
    text = path.read_text()
    first = text.index('version: "2.14.1"')
    row = text[first : text.index("  - version", first)]
    changed = row.replace("x86_64: cu130,", "x86_64: cu132,").replace('"3.10", ', "").replace("cu126, ", "")
    assert changed != row
    path.write_text(text.replace(row, changed))
    ended = home.run("matrix", "diff", "old", "new")
    assert ended.status == 0
    assert "  pytorch 2.14.1: default cu130 → cu132 (x86_64), Python 3.10 dropped" in ended.stdout
    assert "  pytorch releases 2.14.1: indexed cu126 removed" in ended.stdout
    report = home.run("matrix", "diff", "new", "old", "--json").json
    assert report["format"] == "envkit-matrix-diff/1"
    assert any("Python 3.10 added" in one["text"] for one in report["differences"])
    assert home.run("matrix", "diff", "old", "old").stdout == "no difference\n"


def test_diff_shouts_about_lost_architectures_and_rows_that_are_gone(home) -> None:
    for name in ("old", "new"):
        (home.project / name / "vendors").mkdir(parents=True)
        (home.project / name / "recipes").mkdir()
        shutil.copy(ROOT / "recipes" / "pytorch.yaml", home.project / name / "recipes")
        shutil.copy(ROOT / "envkit" / "data" / "vendors" / "nvidia.yaml", home.project / name / "vendors")
    vendor = home.project / "new" / "vendors" / "nvidia.yaml"
    text = vendor.read_text()
    vendor.write_text(text.replace('{runtime_major: 13, minimum: "580.65.06"', '{runtime_major: 13, minimum: "590.10"'))
    recipe = home.project / "new" / "recipes" / "pytorch.yaml"
    lines = recipe.read_text()
    first = lines.index('  - version: "2.14.1"')
    recipe.write_text(lines[:first] + lines[lines.index("  - version", first + 5) :])
    ended = home.run("matrix", "diff", "old", "new")
    assert "! pytorch releases 2.14.1: removed" in ended.stdout
    assert "  vendor nvidia driver_floors 13: minimum 580.65.06 → 590.10" in ended.stdout


def test_diff_takes_a_revision_of_the_checkout(home) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this is not a git checkout")
    ended = home.run("matrix", "diff", "HEAD", "HEAD")
    assert (ended.status, ended.stdout) == (0, "no difference\n")


def test_diff_with_what_is_neither_path_nor_revision_is_a_usage_error(home) -> None:
    ended = home.run("matrix", "diff", "--", "-nonsense")
    assert ended.status == 2
    assert "neither a path nor a revision" in ended.stderr


def test_the_example_of_the_docs_is_without_fault_and_is_resolved(home) -> None:
    page = (ROOT / "docs" / "how-to" / "overlay.md").read_text(encoding="utf-8")
    path = overlay(home, "pytorch", page.split("```yaml\n")[1].split("```")[0])
    assert home.run("matrix", "check", str(path)).stderr == ""
    words = ("resolve", "pytorch==2.16.0", "--container", "--target", "h100,driver=610.43.02", "--json")
    chosen = home.run(*words).json["chosen"]
    assert (chosen["packages"]["torch"], [index["name"] for index in chosen["indexes"]]) == ("2.16.0", ["farm-cu132"])


def test_up_and_resolve_warn_of_old_data_and_go_on(tiny) -> None:
    path = tiny.recipe.parents[1] / "foundations.yaml"
    text = (ROOT / "envkit" / "data" / "foundations.yaml").read_text(encoding="utf-8")
    path.write_text(text.replace("stale_days: 90", "stale_days: -1"), encoding="utf-8")
    resolved = tiny.run("resolve", "tinyframe", "--target", "cpu", "--json").json
    assert "days old" in resolved["matrix"]["stale"]
    up = tiny.run("up", "tinyframe", "--native", "--offline", "--wheelhouse", "wheels", "--json")
    assert up.status == 0
    assert "warning: the compatibility data is" in up.stderr
    assert up.json["resolution"]["matrix"]["stale"].endswith("envkit matrix refresh")


def test_the_table_has_every_recipe() -> None:
    assert {row[1] for row in ROWS} == set(recipe_names())
    assert len(ROWS) > 2 * len(recipe_names())


@pytest.fixture(scope="module")
def own_places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the settings of pip and uv on this machine out of the answers."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "HOME"):
            patch.setenv(name, str(tmp_path_factory.mktemp(name.lower())))
        patch.setenv("PIP_CONFIG_FILE", os.devnull)
        for name in ("PIP_CONSTRAINT", "PIP_INDEX_URL", "UV_INDEX_URL", "UV_DEFAULT_INDEX"):
            patch.delenv(name, raising=False)
        yield


@pytest.mark.usefixtures("own_places")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}-{row[1]}-{row[2]}")
def test_every_row_of_the_table_in_the_docs_is_what_resolve_answers(
    row: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    vendor, _, _, answer, text, command = row
    words = shlex.split(command.strip("`"))[1:]
    status = run_application((*words, "--no-check-indexes"), Output())
    said = capsys.readouterr().out
    assert status == (3 if answer == "unsatisfiable" else 0)
    if answer != "unsatisfiable":
        packages, variant, *_ = text.split("; ")
        assert f"packages  {packages}\n" in said
        assert f"variant   {variant.split(',')[0]} " in said
        assert f" for {vendor}\n" in said
