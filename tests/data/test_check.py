"""`envkit matrix check`: each rule with the fault that breaks it, its file, line and path."""

from collections.abc import Callable
from pathlib import Path

import pytest

from envkit.data.checking import CheckReport, check_files, files_at, files_in_use
from envkit.data.checking.spelling import spell_canonically
from envkit.errors import UsageError

ROOT = Path(__file__).parents[2]
RECIPE = """name: mine
title: Mine
summary: A framework.
package: mine
sources:
  here: {text: made by the test, retrieved: "2026-06-01"}
releases:
  - version: "2.0"
    released: "2026-05-01"
    pythons: ["3.12"]
    source: here
    libc: {x86_64: "2.28"}
    default: {x86_64: cu130}
    indexed: [cpu]
  - version: "1.0"
    released: "2026-01-01"
    pythons: ["3.11", "3.12"]
    source: here
    libc: {x86_64: "2.28"}
    default: {x86_64: cu130}
variants:
  - variant: cu130
    vendor: nvidia
    releases: ">=1.0"
    cpu_architectures: [x86_64]
    source: here
    runtime: {name: cuda, version: "13.0"}
    architectures: [sm_80, sm_90]
  - {variant: cpu, vendor: cpu, releases: ">=2.0", cpu_architectures: [x86_64, aarch64], source: here}
smoke:
  program: |
    import mine
  devices: {nvidia: cuda, cpu: cpu}
  imports: [mine]
"""
VENDOR = """name: acme
title: Acme
pci_vendors: [abcd]
sources:
  here: {text: made by the test, retrieved: "2026-06-01"}
models:
  - {architecture: a1, names: [One], source: here, pci_ids: ["abcd:0001"]}
driver_floors:
  - {runtime_major: 1, minimum: "1.2.3", source: here}
kernel_floors:
  - {architecture: a1, minimum: "6.1", source: here}
"""

Check = Callable[..., CheckReport]


@pytest.fixture
def check(tmp_path: Path) -> Check:
    def check(text: str, kind: str = "recipes", name: str = "mine", today: str | None = None) -> CheckReport:
        path = tmp_path / kind / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return check_files(files_at((str(path),)), today=today)

    return check


def found(report: CheckReport) -> list[tuple[str, str, int]]:
    return [(fault.rule, fault.path, fault.line) for fault in report.faults]


def test_what_ships_with_envkit_has_its_vendors_groups_and_tables_without_fault() -> None:
    report = check_files(files_in_use())
    assert len(report.files) > 40
    assert [str(fault) for fault in report.faults] == []


def test_right_files_have_no_fault(check: Check) -> None:
    assert check(RECIPE).faults == ()
    assert check(VENDOR, "vendors", "acme").faults == ()


@pytest.mark.parametrize(
    ("old", "new", "rule", "path", "line"),
    [
        ("    source: here\n    libc", "    libc", "type", "$.releases[0]", 8),
        ("    source: here\n    libc", "    source: there\n    libc", "source", "$.releases[0].source", 11),
        ("title: Mine", "titel: Mine", "unknown-key", "$.titel", 2),
        ('pythons: ["3.12"]', "pythons: [3.12]", "type", "$.releases[0].pythons[0]", 10),
        ('version: "2.0"', 'version: "2..0"', "version", "$.releases[0].version", 8),
        ('version: "2.0"', f'version: "{"9" * 5000}"', "version", "$.releases[0].version", 8),
        ('releases: ">=1.0"', f'releases: ">={"9" * 5000}"', "range", "$.variants[0].releases", 24),
        ('version: "2.0"', 'version: "2.0rc1"', "version", "$.releases[0].version", 8),
        ('pythons: ["3.12"]', 'pythons: ["312"]', "version", "$.releases[0].pythons[0]", 10),
        ('pythons: ["3.12"]', 'pythons: ["3.12", "3.12"]', "duplicate", "$.releases[0].pythons[1]", 10),
        (
            'libc: {x86_64: "2.28"}\n    default: {x86_64: cu130}\n    ind',
            'libc: {x86_64: "28"}\n    default: {x86_64: cu130}\n    ind',
            "version",
            "$.releases[0].libc.x86_64",
            12,
        ),
        ('released: "2026-05-01"', 'released: "2026-05-32"', "date", "$.releases[0].released", 9),
        ('released: "2026-05-01"', 'released: "2026-07-01"', "date", "$.releases[0].released", 9),
        ('retrieved: "2026-06-01"', 'retrieved: "yesterday"', "date", "$.sources.here.retrieved", 6),
        ('version: "1.0"', 'version: "3.0"', "unsorted", "$.releases[1].version", 15),
        ('version: "1.0"', 'version: "2.0"', "duplicate", "$.releases[1]", 15),
        ('version: "1.0"', 'version: "0.9"', "uncovered", "$.releases[1].version", 15),
        ("indexed: [cpu]", "indexed: [cpu, rocm7]", "uncovered", "$.releases[0].indexed[1]", 14),
        ('releases: ">=1.0"', 'releases: "1.0 or so"', "range", "$.variants[0].releases", 24),
        ('version: "13.0"', 'version: "thirteen"', "version", "$.variants[0].runtime.version", 27),
        ('version: "13.0"', 'version: "13.0.999999999999"', "version", "$.variants[0].runtime.version", 27),
        ("name: cuda", "name: rocm", "vendor", "$.variants[0].runtime.name", 27),
        ("[sm_80, sm_90]", "[sm_80, sm_91]", "architecture", "$.variants[0].architectures[1]", 28),
        ("vendor: nvidia", "vendor: nvidya", "vendor", "$.variants[0].vendor", 23),
        ("{nvidia: cuda,", "{nvidai: cuda,", "vendor", "$.smoke.devices.nvidai", 33),
        ("variant: cpu, vendor", "variant: cu130, vendor", "overlap", "$.variants[1].releases", 29),
        ('releases: ">=2.0"', 'releases: ">=3.0"', "unused", "$.variants[1]", 29),
        ("package: mine", "package: mine\naliases: []", "canonical", "$.aliases", 5),
        ("package: mine", "package: 'mine'", "canonical", "$.package", 4),
        ("name: mine", "name: yours", "name", "$.name", 1),
        ("package: mine\n", "package: mine\naliases: [torch]\n", "alias", "$.aliases[0]", 35),
        ("releases:\n", "releases:\n  - [\n", "syntax", "$", 9),
        ("title: Mine", 'title: "Mi\\u202ene"', "text", "$.title", 2),
    ],
)
def test_a_recipe_with_one_fault(check: Check, old: str, new: str, rule: str, path: str, line: int) -> None:
    text = RECIPE.replace(old, new, 1)
    assert text != RECIPE
    if rule == "alias":  # where the field belongs
        text = RECIPE + "aliases: [torch]\n"
    assert (rule, path, line) in found(check(text))


@pytest.mark.parametrize(
    ("old", "new", "rule", "path"),
    [
        ('minimum: "1.2.3"', 'minimum: "1..3"', "version", "$.driver_floors[0].minimum"),
        ('minimum: "6.1"', 'minimum: "6.1 or so"', "version", "$.kernel_floors[0].minimum"),
        ("{architecture: a1, minimum", "{architecture: a2, minimum", "architecture", "$.kernel_floors[0].architecture"),
        ('"abcd:0001"', '"abcd:1"', "pci-id", "$.models[0].pci_ids[0]"),
        ('"abcd:0001"', '"10de:0001"', "pci-id", "$.models[0].pci_ids[0]"),
    ],
)
def test_a_vendor_with_one_fault(check: Check, old: str, new: str, rule: str, path: str) -> None:
    text = VENDOR.replace(old, new, 1)
    assert text != VENDOR
    assert [(rule, path)] == [fault[:2] for fault in found(check(text, "vendors", "acme"))]


IMAGED = """  - variant: mine9
    vendor: acme
    releases: "==2.0"
    cpu_architectures: [x86_64]
    source: here
    pythons: ["3.12"]
    image: "images.example.com/mine:9"
"""
BASE = """bases:
  - image: "images.example.com/mine:9"
    pythons: ["3.12"]
    cpu_architectures: [x86_64]
    source: here
    packages: {mine: "2.0"}
    ensurepip: false
"""


@pytest.mark.parametrize(
    ("old", "new", "paths"),
    [
        ("mine:9", "mine:9", set()),
        ("mine:9", "mine:8", {"image"}),
        ('mine: "2.0"', 'mine: "2.0.1"', {"releases"}),
        ('mine: "2.0"', 'yours: "2.0"', {"releases"}),
        ('pythons: ["3.12"]', 'pythons: ["3.11"]', {"pythons"}),
    ],
)
def test_a_build_in_an_image_is_as_the_vendors_base_says(tmp_path: Path, old: str, new: str, paths: set[str]) -> None:
    texts = {
        "recipes/mine.yaml": RECIPE.replace("smoke:\n", f"{IMAGED}smoke:\n", 1),
        "vendors/acme.yaml": f"{VENDOR}{BASE.replace(old, new, 1)}",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text, encoding="utf-8")
    report = check_files(files_at(tuple(str(tmp_path / name) for name in texts)))
    assert {(fault.rule, fault.path) for fault in report.faults} == {
        ("image", f"$.variants[2].{path}") for path in paths
    }


def test_every_fault_of_a_file_is_in_one_report(check: Check) -> None:
    text = RECIPE.replace('version: "2.0"', 'version: "2..0"').replace("vendor: nvidia", "vendor: nvidya")
    text = text.replace('released: "2026-01-01"', 'released: "soon"')
    report = check(text)
    assert {("version", "$.releases[0].version", 8), ("vendor", "$.variants[0].vendor", 23)} < set(found(report))
    assert ("date", "$.releases[1].released", 16) in found(report)
    assert {fault.file for fault in report.faults} == set(report.files)


def test_every_wrong_type_is_told_and_not_only_the_first(check: Check) -> None:
    text = RECIPE.replace('version: "2.0"', "version: 2.0").replace('released: "2026-01-01"', "released: [2026]")
    assert found(check(text.replace("title: Mine\n", ""))) == [
        ("type", "$", 1),
        ("type", "$.releases[0].version", 7),
        ("type", "$.releases[1].released", 15),
    ]


def test_a_source_that_was_read_after_today_is_a_fault(check: Check) -> None:
    assert found(check(RECIPE, today="2026-05-31")) == [("date", "$.sources.here.retrieved", 6)]
    assert check(RECIPE, today="2026-06-01").faults == ()


def test_recipes_that_pin_each_other_in_a_circle_are_told_with_the_way_round(tmp_path: Path) -> None:
    for name, needs in (("one", "two"), ("two", "three"), ("three", "one")):
        requires = f'    indexed: [cpu]\n    requires: {{{needs}: ">=1"}}\n'
        text = RECIPE.replace("mine", name).replace("    indexed: [cpu]\n", requires)
        path = tmp_path / "recipes" / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    (fault,) = check_files(files_at((str(tmp_path),))).faults
    assert (fault.rule, fault.path, Path(fault.file).name) == ("circle", "$.releases[0].requires.two", "one.yaml")
    assert "one → two → three → one" in fault.problem


def test_recipes_that_are_all_tangled_are_told_in_a_few_circles(tmp_path: Path) -> None:
    names = [f"r{number:02}" for number in range(16)]
    for name in names:
        needs = ", ".join(f'{other}: ">=1"' for other in names if other != name)
        text = RECIPE.replace("mine", name).replace(
            "    indexed: [cpu]\n", f"    indexed: [cpu]\n    requires: {{{needs}}}\n"
        )
        path = tmp_path / "recipes" / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    circles = [fault for fault in check_files(files_at((str(tmp_path),))).faults if fault.rule == "circle"]
    assert len(circles) == len(names) - 1
    assert "circle, r00 → r01 → r00" in circles[0].problem


def test_the_spelling_is_repaired_and_nothing_else(check: Check, tmp_path: Path) -> None:
    check(RECIPE.replace("package: mine", "package: 'mine'"))
    path = tmp_path / "recipes" / "mine.yaml"
    assert list(spell_canonically(files_at((str(path),)))) == [(str(path), RECIPE)]
    check(RECIPE.replace("package: mine", "package: 'mine'").replace("title: Mine", "titel: Mine"))
    assert list(spell_canonically(files_at((str(path),)))) == []


def test_faults_of_an_overlay_stand_in_its_own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = tmp_path / "envkit" / "overlay" / "recipes" / "pytorch.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(
        'releases:\n  - {version: "98.0", released: "2026-01-01", pythons: ["3.12"], source: nowhere,'
        " default: {x86_64: cuX}}\n"
    )
    report = check_files(files_at((str(path),)))
    ours = [fault for fault in report.faults if fault.file == str(path)]
    assert [(fault.rule, fault.path, fault.line) for fault in ours] == [
        ("source", "$.releases[0].source", 2),
        ("uncovered", "$.releases[0].default.x86_64", 2),
    ]


def test_a_path_without_data_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file or directory"):
        files_at((str(tmp_path / "gone"),))
    with pytest.raises(UsageError, match="no data files below"):
        files_at((str(tmp_path),))
    (tmp_path / "x.yaml").touch()
    with pytest.raises(UsageError, match="neither the file's name nor its folder"):
        files_at((str(tmp_path / "x.yaml"),))
