"""What the pages beside the package index say, and what is refused of them."""

import json

import msgspec
import pytest

from envkit.data import load_vendors
from envkit.data.loader import load_recipe
from envkit.errors import DataError, UsageError
from envkit.model.deriving import DeriveRow
from envkit.model.recipe import Recipe, ReleaseRow
from envkit.model.vendor import DriverBranch, Vendor
from envkit.refresh.sources import SourceRefreshed, refresh_from
from envkit.refresh.sources.pytorch_matrix import parse_table
from envkit.refresh.upstream import PageReader, UpstreamRow, find_upstreams, load_upstreams

URL = "https://pages.example/page"
HEADER = "| PyTorch version | Python | C++ | Stable CUDA | Experimental CUDA | Stable ROCm |\n"
DIVIDER = "| --- | --- | --- | --- | --- | --- |\n"
NEW = (
    "| 1.2 | >=3.10, <=(3.14, 3.14t experimental) | C++20 | CUDA 12.6 (CUDNN 9.10.2.21), CUDA 13.0 | -- | ROCm 7.1 |\n"
)
OLD = "| 1.1 | >=3.9 | C++17 | CUDA 11.8, CUDNN 8.7.0.84 | CUDA 12.6, CUDNN 9.1.0.70 | ROCm 6.0 |\n"
TABLE = (
    "# Releasing\n\n| CUDA | notes |\n| --- | --- |\n| 12.6.3 | |\n\n" + HEADER + DIVIDER + NEW + OLD + "\n| a | b |\n"
)


class Page(PageReader):
    """A page that is there already."""

    def __init__(self, text: str) -> None:
        self._text = text

    def text(self, url: str) -> str:
        assert url == URL
        return self._text


def row(name: str, document: str) -> UpstreamRow:
    return UpstreamRow(name=name, title="The page", url=URL, document=document, dates="page", source="people")


def release(version: str, *indexed: str) -> ReleaseRow:
    return ReleaseRow(
        version=version,
        released="2026-01-01",
        pythons=("3.12",),
        source="wheels",
        default={"x86_64": "cpu"},
        indexed=indexed,
        derived=True,
    )


def of_table(recipe: Recipe, text: str = TABLE) -> SourceRefreshed[Recipe]:
    return refresh_from(row("pytorch-matrix", "frame"), Page(text), recipe, "2026-06-01")


def with_variants(recipe: Recipe, *names: str) -> Recipe:
    rows = tuple(msgspec.structs.replace(recipe.variants[0], variant=name, vendor="nvidia") for name in names)
    return msgspec.structs.replace(recipe, variants=(*recipe.variants, *rows))


def test_the_table_gives_the_cuda_builds_of_both_columns_and_nothing_else() -> None:
    assert parse_table(TABLE, "cu{major}{minor}", URL) == {"1.2": ("cu126", "cu130"), "1.1": ("cu118", "cu126")}


def test_a_row_that_says_something_else_is_shouted_and_kept(recipe: Recipe) -> None:
    ours = msgspec.structs.replace(
        recipe, releases=(release("1.2.3", "cpu", "cu126"), release("1.1.0", "cu118", "cu126"))
    )
    found = of_table(ours)
    assert found.document == ours
    assert [(change.kind, change.release, change.loud) for change in found.changes] == [("conflict", "1.2.3", True)]
    assert found.changes[0].text == "`indexed` disagrees: the row has cu126, the table cu126 cu130; the row is kept"


def test_a_release_without_builds_gets_those_that_rows_describe(recipe: Recipe) -> None:
    ours = with_variants(msgspec.structs.replace(recipe, releases=(release("1.2.0"), release("0.9.0"))), "cu130")
    found = of_table(ours)
    assert [one.indexed for one in found.document.releases] == [("cu130",), ()]
    assert [change.text for change in found.changes] == [
        "no row of `variants` covers cu126 of the table",
        "indexed none → cu130",
        "the table tells CUDA only: add the others to `indexed`",
    ]
    assert [(gap.fact, gap.reason) for gap in found.gaps] == [("0.9.0 indexed", "the table has no row for 0.9")]
    assert found.document.sources["page"].retrieved == "2026-06-01"
    assert of_table(found.document).document == found.document


def test_a_newer_minor_release_is_told_and_not_made_up(recipe: Recipe) -> None:
    found = of_table(msgspec.structs.replace(recipe, releases=(release("1.1.0", "cu118", "cu126"),)))
    assert [(change.release, change.text) for change in found.changes] == [
        ("1.2", "in the table and not in the recipe, CUDA builds cu126 cu130")
    ]


def test_a_recipe_that_names_no_cuda_builds_is_refused(recipe: Recipe) -> None:
    with pytest.raises(DataError, match=r"how its builds for CUDA are called, `derive.runtimes`: frame"):
        of_table(msgspec.structs.replace(recipe, derive=DeriveRow(source="wheels", releases=">=1")))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# Releasing\n", "has no table of releases and their CUDA"),
        (TABLE.replace("CUDA |", "runtime |"), "has no table of releases and their CUDA"),
        (HEADER + DIVIDER, "the table of releases is empty"),
        (HEADER + DIVIDER + NEW[:60], "a row with 3 cells under a header with 6"),
        (HEADER + DIVIDER + NEW[:60] + "|", "cells under a header with 6"),
        (
            HEADER + DIVIDER + NEW.replace("CUDA 12.6", "cu126").replace("CUDA 13.0", "cu130"),
            "a cell without `CUDA X.Y`",
        ),
        (HEADER + DIVIDER + NEW.replace("| 1.2 |", "| main |"), "a row for `main`"),
        (HEADER + DIVIDER + NEW + NEW, "a row for `1.2`"),
        (HEADER + DIVIDER + NEW.replace("| 1.2 |", "| 1.2" + "9" * 5000 + " |"), "a row for `1.2999"),
    ],
)
def test_a_table_of_another_form_is_refused_as_a_whole(text: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        parse_table(text, "cu{major}{minor}", URL)
    assert message in caught.value.message
    assert caught.value.message.endswith(f": {URL}")
    assert len(caught.value.message) < 300


def drivers(kind: str, *versions: str) -> dict[str, object]:
    return {
        "type": kind,
        "driver_info": [
            {"release_version": version, "release_date": "2026-05-01", "architectures": ["x86_64"], "runfile_url": {}}
            for version in versions
        ],
    }


def of_list(answer: object, *branches: DriverBranch) -> SourceRefreshed[Vendor]:
    vendor = Vendor(name="acme", title="Acme", pci_vendors=("10de",), sources={}, driver_branches=branches)
    text = answer if isinstance(answer, str) else json.dumps(answer)
    return refresh_from(row("nvidia-drivers", "acme"), Page(text), vendor, "2026-06-01")


def test_branches_get_their_newest_version_and_a_missing_kind() -> None:
    answer = {
        "580": drivers("lts branch", "580.9.1", "580.105.08", "580.65.06"),
        "575": drivers("production branch", "575.1"),
    }
    found = of_list(
        answer,
        DriverBranch(branch=580, ceiling="13.0", source="s"),
        DriverBranch(branch=575, ceiling="12.9", source="s", kind="NFB", newest="575.2"),
        DriverBranch(branch=390, ceiling="9.1", source="s", kind="legacy"),
    )
    first, second, third = found.document.driver_branches
    assert (first.kind, first.newest, first.ceiling) == ("LTSB", "580.105.08", "13.0")
    assert (second.kind, second.newest) == ("NFB", "575.2")
    assert third.newest is None
    assert [(change.release, change.text, change.loud) for change in found.changes] == [
        ("R580", "newest driver not known → 580.105.08", False),
        ("R580", "kind not known → LTSB", False),
        ("R575", "`kind` disagrees: the row has NFB, the list PB; the row is kept", True),
    ]
    assert [(one.name, one.values) for one in found.observed] == [
        ("R580", ("LTSB", "580.105.08")),
        ("R575", ("PB", "575.1")),
    ]
    assert found.document.sources["page"].text == "The page"


def test_a_new_branch_is_told_and_an_unknown_type_is_a_gap() -> None:
    found = of_list({"640": drivers("rolling branch", "640.1.2"), "700": drivers("lts branch")})
    assert [(change.kind, change.release) for change in found.changes] == [("curate", "R640")]
    assert "newest 640.1.2" in found.changes[0].text
    assert [gap.fact for gap in found.gaps] == ["R640 kind"]
    assert found.document.driver_branches == ()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("{", "no list of branches"),
        ("[]", "no list of branches"),
        ("{}", "no branches"),
        ('{"580": {"type": "lts branch"}}', "missing required field `driver_info`"),
        ('{"580": ' * 5000, "no list of branches"),
        ({"580x": drivers("lts branch", "580.1")}, "a branch `580x`"),
        ({"580": drivers("lts branch", "570.1")}, "in branch 580 the version `570.1`"),
        ({"580": drivers("lts branch", "580.1; rm -rf")}, "the version `580.1; rm -rf`"),
        ({"580": drivers("lts branch", "580.1\u202e")}, "the version `580.1\\u202e`"),
    ],
)
def test_a_list_of_another_form_is_refused_as_a_whole(answer: object, message: str) -> None:
    with pytest.raises(DataError) as caught:
        of_list(answer, DriverBranch(branch=580, ceiling="13.0", source="s"))
    assert message in caught.value.message
    assert caught.value.message.endswith(f": {URL}")


def test_every_source_that_comes_with_envkit_has_a_module_and_a_document() -> None:
    rows = load_upstreams()
    assert {one.name for one in rows} == {"pytorch-matrix", "nvidia-drivers", "nvidia-images"}
    assert load_recipe("pytorch").sources["release-matrix"]
    vendors = {vendor.name: vendor for vendor in load_vendors()}
    assert vendors["nvidia"].driver_branches
    assert {one.document for one in rows} == {"pytorch", "nvidia"}


def test_a_name_that_no_source_has_is_said_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match="no source has this name: elsewhere") as caught:
        find_upstreams(("elsewhere",))
    assert "envkit matrix refresh --source pytorch-matrix" in caught.value.hints


def test_a_source_without_a_module_is_refused(recipe: Recipe) -> None:
    with pytest.raises(DataError, match="no module of envkit reads this source: another"):
        refresh_from(row("another", "frame"), Page(""), recipe, "2026-06-01")
