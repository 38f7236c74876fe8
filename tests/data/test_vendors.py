import datetime as dt
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.version import Version

from envkit.data import load_foundations, load_recipe, load_vendor, load_vendors
from envkit.model.vendor import Vendor
from envkit.model.version import VendorVersion

FOLDER = Path(__file__).parents[2] / "envkit/data/vendors"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))


@pytest.fixture(params=NAMES)
def vendor(request: pytest.FixtureRequest) -> Vendor:
    return load_vendor(request.param)


def sources_named(vendor: Vendor) -> Iterator[str]:
    for rows in (
        vendor.models,
        vendor.pci_ranges,
        vendor.architectures,
        vendor.driver_floors,
        vendor.driver_rows,
        vendor.driver_branches,
        vendor.driver_windows,
        vendor.kernel_floors,
        vendor.visibility_rows,
        vendor.kubernetes,
        (vendor.access, *vendor.access.variants) if vendor.access else (),
    ):
        yield from (row.source for row in rows)


def test_every_row_has_a_source_that_exists(vendor: Vendor) -> None:
    assert set(sources_named(vendor)) <= set(vendor.sources)
    assert all(dt.date.fromisoformat(source.retrieved) for source in vendor.sources.values())


def test_pci_ids_are_of_the_vendor_and_name_one_row(vendor: Vendor) -> None:
    ids = [pci_id for model in vendor.models for pci_id in model.pci_ids]
    assert len(ids) == len(set(ids))
    for pci_id in ids:
        assert re.fullmatch(r"[0-9a-f]{4}:[0-9a-f]{4}", pci_id)
        assert pci_id[:4] in vendor.pci_vendors


def test_a_device_name_stands_for_one_architecture(vendor: Vendor) -> None:
    counts = Counter(name.lower() for model in vendor.models for name in model.names)
    assert [name for name, count in counts.items() if count > 1] == []


def test_versions_parse_and_architectures_are_unique(vendor: Vendor) -> None:
    names = [row.architecture for row in vendor.architectures]
    assert len(names) == len(set(names))
    for row in vendor.architectures:
        for text in (row.first_runtime, row.last_runtime, row.first_driver, row.last_driver):
            assert text is None or VendorVersion(text)
    if vendor.architectures:
        assert {model.architecture for model in vendor.models} - set(names) <= {"sm_30"}


def test_visibility_rows_refer_to_what_exists(vendor: Vendor) -> None:
    assert len(vendor.visibility) == len(set(vendor.visibility))
    for place, row in enumerate(vendor.visibility_rows):
        before = vendor.visibility[:place]
        assert row.relative_to is None or row.relative_to in before
        assert row.fallback_for is None or row.fallback_for in before
        assert row.owner is None or row.variable in load_vendor(row.owner).visibility
        assert row.bus_order is None or "=" in row.bus_order
        assert not (row.container and (row.relative_to or row.fallback_for or row.bus_order))


def test_kernel_floors_are_of_architectures_that_a_model_has(vendor: Vendor) -> None:
    architectures = {model.architecture for model in vendor.models}
    for row in vendor.kernel_floors:
        assert row.architecture in architectures
        assert VendorVersion(row.minimum)


def test_rows_of_access_are_told_apart_by_what_a_device_has(vendor: Vendor) -> None:
    named = {model.architecture for model in vendor.models} | {row.architecture for row in vendor.architectures}
    variants = vendor.access.variants if vendor.access else ()
    for architectures in (*(row.architectures for row in vendor.kubernetes), *(row.architectures for row in variants)):
        assert set(architectures) <= named
    # What follows a row for all devices is never taken.
    assert all(row.architectures for row in vendor.kubernetes[:-1])
    assert all(row.architectures or row.wsl for row in variants)


def test_every_vendor_id_of_the_known_vendors_is_there() -> None:
    ids = {pci_vendor: vendor.name for vendor in load_vendors() for pci_vendor in vendor.pci_vendors}
    assert {
        "10de": "nvidia",
        "1002": "amd",
        "1da3": "intel-gaudi",
        "19e5": "ascend",
        "cabc": "cambricon",
        "1d94": "hygon",
        "1ed5": "mthreads",
        "9999": "metax",
        "1e3e": "iluvatar",
        "1d22": "kunlunxin",
        "1e36": "enflame",
        "1ded": "thead",
        "1ae0": "google-tpu",
        "1d0f": "aws-neuron",
        "17cb": "qualcomm",
    }.items() <= ids.items()
    assert "8086" in ids
    assert load_vendor("cpu").pci_vendors == ()


def test_nvidia_floors_rows_and_branches_tell_one_story() -> None:
    nvidia = load_vendor("nvidia")
    assert nvidia.architecture_rule == "same-major"
    floors = {floor.runtime_major: floor for floor in nvidia.driver_floors}
    assert (floors[12].minimum, floors[12].minimum_windows) == ("525.60.13", "528.33")
    ceilings = {branch.branch: branch.ceiling for branch in nvidia.driver_branches}
    for row in nvidia.driver_rows:
        minimum = VendorVersion(row.minimum)
        if minimum.major in ceilings:
            assert VendorVersion(row.runtime) <= VendorVersion(ceilings[minimum.major])
        if VendorVersion(row.runtime).major >= 12:
            assert VendorVersion(floors[VendorVersion(row.runtime).major].minimum) <= minimum
    order = sorted(nvidia.driver_rows, key=lambda row: VendorVersion(row.runtime), reverse=True)
    assert list(nvidia.driver_rows) == order
    assert [row.minimum for row in order] == [
        row.minimum for row in sorted(order, key=lambda row: VendorVersion(row.minimum), reverse=True)
    ]


def test_the_architectures_of_jetson_boards_are_those_of_the_jetson_models() -> None:
    nvidia = load_vendor("nvidia")
    tegra = {row.architecture for row in nvidia.architectures if row.tegra}
    assert tegra == {model.architecture for model in nvidia.models if model.category == "jetson"}
    assert tegra == {"sm_53", "sm_62", "sm_72", "sm_87", "sm_110"}


def test_no_driver_serves_a_generation_before_its_first_branch() -> None:
    rows = [row for row in load_vendor("nvidia").architectures if row.generation == "Blackwell"]
    assert rows
    assert all(row.first_driver is not None and int(row.first_driver) >= 570 for row in rows)


def test_every_device_that_a_wheel_has_code_for_is_known_as_an_accelerator() -> None:
    listed = {
        architecture
        for row in load_recipe("pytorch").variants
        if row.vendor == "amd"
        for architecture in row.architectures or ()
    }
    known = {model.architecture for model in load_vendor("amd").models if model.category != "integrated"}
    # gfx1103 is only ever a part of a processor: it stays a note until somebody asks for it.
    assert listed - known == {"gfx1103"}


def test_foundations_name_their_sources_and_parse() -> None:
    foundations = load_foundations()
    rows = (*foundations.bases, *foundations.distributions)
    assert {row.source for row in rows} == set(foundations.sources)
    assert all(Version(python) for python in foundations.python_preference)
    assert len(set(foundations.python_preference)) == len(foundations.python_preference)
    names = [name for row in foundations.distributions for name in (f"{row.os}-{row.version}", *row.aliases)]
    assert len(names) == len(set(names))
    libc = {name: row.libc for row in foundations.distributions for name in (f"{row.os}-{row.version}", *row.aliases)}
    for base in foundations.bases:
        # One tag of an image that brings several Pythons would stand for a version that it does not name.
        assert "{python}" in base.image or base.python_packages or len(base.pythons) == 1, base.image
        assert libc[base.os] == base.libc
        assert set(base.pythons) <= set(foundations.python_preference)
