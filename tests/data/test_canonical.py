from pathlib import Path

import msgspec
import pytest

from envkit.data import decode_document
from envkit.data.canonical import canonical_document, heading_of
from envkit.model.knowledge import FindingGroup, RemedyGroup, Systems, Thresholds
from envkit.model.matrix import Foundations
from envkit.model.mirrors import Mirrors
from envkit.model.package_manager import PackageManagers
from envkit.model.pipelines import PipelineTools
from envkit.model.provenance import Source
from envkit.model.recipe import Recipe, VariantRow
from envkit.model.vendor import Vendor

ROOT = Path(__file__).parents[2]
FILES = {
    **dict.fromkeys(sorted((ROOT / "recipes").glob("*.yaml")), Recipe),
    **dict.fromkeys(sorted((ROOT / "envkit/data/vendors").glob("*.yaml")), Vendor),
    **dict.fromkeys(sorted((ROOT / "envkit/data/findings").glob("*.yaml")), FindingGroup),
    **dict.fromkeys(sorted((ROOT / "envkit/data/remedies").glob("*.yaml")), RemedyGroup),
    ROOT / "envkit/data/foundations.yaml": Foundations,
    ROOT / "envkit/data/mirrors.yaml": Mirrors,
    ROOT / "envkit/data/package_managers.yaml": PackageManagers,
    ROOT / "envkit/data/pipelines.yaml": PipelineTools,
    ROOT / "envkit/data/systems.yaml": Systems,
    ROOT / "envkit/data/thresholds.yaml": Thresholds,
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_that_is_loaded_and_written_back_has_the_same_bytes(path: Path) -> None:
    text = path.read_text()
    document = decode_document(text, path.name, FILES[path])
    assert canonical_document(document, heading_of(text)) == text


@pytest.mark.parametrize(
    "title",
    ["plain words", "3.10", "1e3", "on", "No", "null", "", "a: b", "# c", "- d", 'q"uote\\', "*x", "é", "x ", "a,b"],
)
def test_any_title_survives_being_written(title: str) -> None:
    vendor = Vendor(name="v", title=title, pci_vendors=("10de",), sources={"s": Source(text=title, retrieved="2026")})
    assert decode_document(canonical_document(vendor), "v.yaml", Vendor) == vendor


def test_the_heading_is_the_comment_lines_at_the_top() -> None:
    assert heading_of("# a\n#\n# b\nname: x\n# c\n") == "# a\n#\n# b\n"
    assert heading_of("name: x\n") == ""


def test_a_default_is_left_out_however_its_value_was_made() -> None:
    text = (ROOT / "recipes/jax.yaml").read_text()
    recipe = decode_document(text, "jax.yaml", Recipe)
    row = recipe.variants[0]
    equal = VariantRow(**{name: getattr(row, name) for name in row.__struct_fields__} | {"confidence": "HIGH".lower()})
    assert canonical_document(msgspec.structs.replace(recipe, variants=(equal, *recipe.variants[1:]))) == text
