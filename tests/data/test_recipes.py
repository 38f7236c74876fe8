import ast
import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from envkit.data import load_foundations, load_recipe, load_vendors
from envkit.model.recipe import Recipe, ReleaseRow, VariantRow
from envkit.model.reserved import ANY_VARIANT

ARCHITECTURES = ("x86_64", "aarch64")
FOLDER = Path(__file__).parents[2] / "recipes"
RECIPES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


@pytest.fixture(params=RECIPES)
def recipe(request: pytest.FixtureRequest) -> Recipe:
    return load_recipe(request.param)


def is_day(text: str) -> bool:
    return dt.date.fromisoformat(text).isoformat() == text


def rows_for(recipe: Recipe, release: ReleaseRow, variant: str, architecture: str) -> list[VariantRow]:
    return [
        row
        for row in recipe.variants
        if row.variant == variant
        and architecture in row.cpu_architectures
        and Version(release.version) in SpecifierSet(row.releases)
    ]


def sources_named(recipe: Recipe) -> Iterator[str]:
    for rows in (recipe.releases, recipe.variants, recipe.libraries, recipe.indexes, recipe.denied, recipe.absent):
        yield from (row.source for row in rows)
    for row in (*recipe.releases, *recipe.variants):
        yield from (broken.source for broken in row.broken)
    for row in recipe.variants:
        yield from (window.source for window in row.windows)


def test_every_row_has_a_source_and_every_source_is_used(recipe: Recipe) -> None:
    assert set(sources_named(recipe)) == set(recipe.sources)
    assert all(source.text and is_day(source.retrieved) for source in recipe.sources.values())


def test_releases_are_final_versions_newest_first(recipe: Recipe) -> None:
    versions = [Version(release.version) for release in recipe.releases]
    assert versions == sorted(set(versions), reverse=True)
    assert not any(version.is_prerelease or version.local for version in versions)
    assert all(is_day(release.released) for release in recipe.releases)


def test_pythons_and_glibc_floors_are_known_for_every_release(recipe: Recipe) -> None:
    for release in recipe.releases:
        for pythons in (release.pythons, *release.pythons_by_architecture.values()):
            assert pythons
            assert all(python.rstrip("t").startswith("3.") and Version(python.rstrip("t")) for python in pythons)
        assert set(release.libc) == set(release.default)
        assert all(floor.startswith("2.") for floor in release.libc.values())


def test_ranges_parse_and_every_variant_row_covers_a_release(recipe: Recipe) -> None:
    for row in recipe.variants:
        assert any(Version(release.version) in SpecifierSet(row.releases) for release in recipe.releases), row
    assert all(SpecifierSet(denied.versions) is not None for denied in recipe.denied)


def test_what_an_index_serves_has_exactly_one_variant_row(recipe: Recipe) -> None:
    for release in recipe.releases:
        for architecture, variant in release.default.items():
            assert len(rows_for(recipe, release, variant, architecture)) == 1, (release.version, variant, architecture)
        for variant in release.indexed:
            counts = [len(rows_for(recipe, release, variant, architecture)) for architecture in ARCHITECTURES]
            assert counts in ([1, 1], [1, 0]), (release.version, variant)


def test_a_release_on_own_indexes_has_an_index(recipe: Recipe) -> None:
    assert bool(recipe.indexes) == any(release.indexed for release in recipe.releases)
    assert all(recipe.package in index.packages for index in recipe.indexes)
    assert all(("{variant}" in index.name) == ("{variant}" in index.url) for index in recipe.indexes)


def test_pinned_companions_have_a_version_in_every_release(recipe: Recipe) -> None:
    pinned = {companion.package for companion in recipe.companions if companion.pinned}
    for release in recipe.releases:
        assert set(release.packages) == pinned
        assert all(Version(version) for version in release.packages.values())
        assert set(release.packages_pythons) <= pinned
        for pythons in release.packages_pythons.values():
            assert set(pythons) < set(release.pythons)


def test_vendors_and_devices_agree(recipe: Recipe) -> None:
    vendors = {vendor.name: vendor for vendor in load_vendors()}
    for row in recipe.variants:
        runtime = vendors[row.vendor].runtime
        assert (row.runtime.name if row.runtime else None) == runtime
    vendors_of_rows = {row.vendor for row in recipe.variants}
    assert vendors_of_rows <= set(recipe.smoke.devices)
    # Builds for any device compute where those that they require do.
    assert set(recipe.smoke.devices) == vendors_of_rows or ANY_VARIANT in {row.variant for row in recipe.variants}


def test_code_for_an_architecture_that_the_runtime_does_not_know_is_not_listed(recipe: Recipe) -> None:
    known = {row.architecture: row for vendor in load_vendors() for row in vendor.architectures}
    for row in recipe.variants:
        for architecture in (*(row.architectures or ()), *row.ptx, *(row.ptx_indexed or ())):
            if row.vendor != "nvidia" or row.runtime is None:
                continue
            facts = known[architecture]
            assert Version(facts.first_runtime or "0") <= Version(row.runtime.version), (row.variant, architecture)
            assert Version(row.runtime.version) <= Version(facts.last_runtime or "99"), (row.variant, architecture)


def test_the_smoke_program_defines_the_function_and_imports_what_the_recipe_names(recipe: Recipe) -> None:
    tree = ast.parse(recipe.smoke.program)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert [argument.arg for argument in functions["smoke"].args.args] == ["device", "index"]
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert set(recipe.smoke.imports) <= imported
    assert any(isinstance(node, ast.Assert) for node in ast.walk(functions["smoke"]))


def test_the_most_wanted_python_serves_the_newest_release_of_every_recipe() -> None:
    first = load_foundations().python_preference[0]
    assert all(first in load_recipe(name).releases[0].pythons for name in RECIPES)


def test_names_and_aliases_are_unique() -> None:
    recipes = [load_recipe(name) for name in RECIPES]
    names = [name for recipe in recipes for name in (recipe.name, *recipe.aliases)]
    assert len(names) == len(set(names))
    assert {"jax", "onnxruntime", "openvino", "pytorch", "tensorflow"} <= set(names)


def test_a_build_for_the_processor_exists_where_the_recipe_computes_on_one(recipe: Recipe) -> None:
    newest = recipe.releases[0]
    served = {
        row.vendor
        for architecture in ARCHITECTURES
        for variant in (newest.default.get(architecture), *newest.also.get(architecture, ()), *newest.indexed)
        for row in rows_for(recipe, newest, variant or "", architecture)
    }
    # A release that no index has wheels of is in nobody's reach but a wheelhouse's.
    assert not served or ("cpu" in recipe.smoke.devices) == ("cpu" in served)


def test_further_variants_on_the_main_index_have_exactly_one_row(recipe: Recipe) -> None:
    for release in recipe.releases:
        for architecture, variants in release.also.items():
            assert release.default.get(architecture) not in variants
            for variant in variants:
                assert len(rows_for(recipe, release, variant, architecture)) == 1, (release.version, variant)


def test_ptx_differs_between_the_main_index_and_the_own_one_for_pytorch() -> None:
    (row,) = rows_for(load_recipe("pytorch"), load_recipe("pytorch").releases[0], "cu132", "x86_64")
    assert row.ptx == ()
    assert row.ptx_indexed == ("sm_120",)


def test_the_processor_build_of_tensorflow_has_another_name_on_x86_64() -> None:
    recipe = load_recipe("tf")
    newest = recipe.releases[0]
    packages = {
        architecture: rows_for(recipe, newest, "cpu", architecture)[0].package for architecture in ARCHITECTURES
    }
    assert packages == {"x86_64": "tensorflow-cpu", "aarch64": None}
