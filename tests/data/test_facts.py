"""The data against the tables that it was made from, where these lie beside the checkout."""

from pathlib import Path
from typing import TypedDict

import msgspec
import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from envkit.data import load_document, load_foundations, load_recipe, load_vendor
from envkit.model.recipe import Recipe, ReleaseRow, VariantRow

FACTS = Path(__file__).parents[3] / "shared" / "facts"
pytestmark = pytest.mark.skipif(not FACTS.is_dir(), reason=f"the tables are not here: {FACTS}")


class DefaultFacts(TypedDict, total=False):
    variant: str
    sm: str


class ReleaseFacts(TypedDict):
    version: str
    released: str
    pythons: str
    pythons_aarch64: str
    glibc_real: str
    index_variants: list[str]
    torchvision: str
    torchaudio: str
    pypi_default: DefaultFacts
    pypi_aarch64: DefaultFacts


class VariantFacts(TypedDict):
    variant: str
    torch: str
    sm: str
    ptx: str | None


class TorchFacts(TypedDict):
    releases: list[ReleaseFacts]
    sm_by_variant_x86_64: list[VariantFacts]
    sm_by_variant_aarch64: list[VariantFacts]


class CudaFacts(TypedDict):
    cuda: str
    update: str
    min_driver: str | None


class ModelFacts(TypedDict):
    cc: str
    names: list[str]


class OsFacts(TypedDict):
    os: str
    version: str
    glibc: str | None


def table(name: str) -> object:
    return load_document((FACTS / name).read_text(), name)


def torch_facts() -> TorchFacts:
    return msgspec.convert(table("torch_variants.yaml"), TorchFacts, strict=False)


def covering(recipe: Recipe, release: str, variant: str, architecture: str) -> VariantRow:
    (row,) = (
        row
        for row in recipe.variants
        if row.variant == variant
        and architecture in row.cpu_architectures
        and Version(release) in SpecifierSet(row.releases)
    )
    return row


def devices(sm: str) -> tuple[str, ...]:
    return tuple(f"sm_{number}" for number in sm.split())


def test_pytorch_has_the_releases_of_the_table_and_no_others() -> None:
    recipe = load_recipe("pytorch")
    ours = {release.version: release for release in recipe.releases}
    facts = {release["version"]: release for release in torch_facts()["releases"]}
    assert set(ours) == set(facts)
    for version, expected in facts.items():
        assert_release(ours[version], expected)


def assert_release(release: ReleaseRow, expected: ReleaseFacts) -> None:
    assert release.released == expected["released"]
    assert set(release.pythons) == set(expected["pythons"].split())
    aarch64 = expected["pythons"] if expected["pythons_aarch64"] == "same" else expected["pythons_aarch64"]
    assert set(release.pythons_by_architecture.get("aarch64", release.pythons)) == set(aarch64.split())
    assert release.libc["x86_64"] == expected["glibc_real"]
    assert release.packages == {"torchvision": expected["torchvision"], "torchaudio": expected["torchaudio"]}
    assert release.default == {
        "x86_64": expected["pypi_default"]["variant"],
        "aarch64": expected["pypi_aarch64"]["variant"],
    }
    assert [variant for variant in release.indexed if "rocm" not in variant] == expected["index_variants"]


def test_pytorch_has_the_machine_code_that_was_measured_in_the_default_builds() -> None:
    recipe = load_recipe("pytorch")
    for release in torch_facts()["releases"]:
        default = release["pypi_default"]
        row = covering(recipe, release["version"], default["variant"], "x86_64")
        assert row.architectures == devices(default["sm"])
        assert row.ptx == ()
        aarch64 = release["pypi_aarch64"]
        if "sm" in aarch64:
            row = covering(recipe, release["version"], aarch64["variant"], "aarch64")
            assert row.architectures == devices(aarch64["sm"])


@pytest.mark.parametrize("architecture", ["x86_64", "aarch64"])
def test_pytorch_has_every_row_of_the_variant_table(architecture: str) -> None:
    facts = torch_facts()
    expected = facts["sm_by_variant_x86_64" if architecture == "x86_64" else "sm_by_variant_aarch64"]
    ours = {
        (row.variant, row.releases): row
        for row in load_recipe("pytorch").variants
        if row.vendor == "nvidia" and architecture in row.cpu_architectures and row.index is None
    }
    assert set(ours) == {(row["variant"], row["torch"]) for row in expected}
    for fact in expected:
        row = ours[fact["variant"], fact["torch"]]
        assert row.architectures == devices(fact["sm"])
        assert (row.ptx if row.ptx_indexed is None else row.ptx_indexed) == (("sm_120",) if fact["ptx"] else ())


def test_nvidia_has_the_exact_driver_of_every_runtime() -> None:
    facts = msgspec.convert(table("nvidia_driver_cuda.yaml"), dict[str, object])
    rows = msgspec.convert(facts["toolkit_exact_min_driver_linux"], list[CudaFacts], strict=False)
    expected = {row["cuda"]: row["min_driver"] for row in rows if row["update"].startswith("GA") and row["min_driver"]}
    assert {row.runtime: row.minimum for row in load_vendor("nvidia").driver_rows} == expected


def test_nvidia_has_every_model_with_its_architecture() -> None:
    facts = msgspec.convert(table("nvidia_gpu_models.yaml"), dict[str, object])
    models = msgspec.convert(facts["models"], list[ModelFacts], strict=False)
    ours = {name: model.architecture for model in load_vendor("nvidia").models for name in model.names}
    expected = {name: f"sm_{model['cc'].replace('.', '')}" for model in models for name in model["names"]}
    assert expected.items() <= ours.items()


def test_foundations_have_the_glibc_of_every_distribution() -> None:
    facts = msgspec.convert(table("os_baselines.yaml"), dict[str, object])
    rows = msgspec.convert(facts["rows"], list[OsFacts], strict=False)
    expected = {(row["os"], row["version"]): row["glibc"] for row in rows if row["glibc"] is not None}
    assert {(row.os, row.version): row.libc for row in load_foundations().distributions} == expected
