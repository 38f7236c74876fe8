"""Device names against the vendor tables that ship with envkit."""

import pytest

from envkit.data import load_vendor
from envkit.detect.models import architecture_of, newest_runtime, only_model
from envkit.model.vendor import Vendor


@pytest.fixture(scope="module")
def nvidia() -> Vendor:
    return load_vendor("nvidia")


@pytest.mark.parametrize(
    ("name", "architecture"),
    [
        ("RTX A6000", "sm_86"),
        ("NVIDIA RTX A6000", "sm_86"),
        ("NVIDIA RTX 6000 Ada Generation", "sm_89"),
        ("NVIDIA RTX PRO 6000 Blackwell Workstation Edition", "sm_120"),
        ("Quadro RTX 6000", "sm_75"),
        ("NVIDIA Quadro RTX 6000", "sm_75"),
    ],
)
def test_four_generations_of_6000_are_told_apart(nvidia: Vendor, name: str, architecture: str) -> None:
    assert architecture_of(nvidia, name) == architecture


@pytest.mark.parametrize(
    ("name", "architecture"),
    [
        ("NVIDIA A10", "sm_86"),
        ("NVIDIA A100-SXM4-40GB", "sm_80"),
        ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", "sm_80"),
        ("GRID A100-4C", "sm_80"),
        ("NVIDIA A10-24Q", "sm_86"),
        ("Tesla T4", "sm_75"),
        ("Quadro T1000", "sm_75"),
        ("Tesla V100-SXM2-16GB", "sm_70"),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", "sm_89"),
        ("NVIDIA GeForce RTX 2080 with Max-Q Design", "sm_75"),
        ("GA102GL [A10]", "sm_86"),
        ("AD103M / GN21-X11 [GeForce RTX 4090 Laptop GPU]", "sm_89"),
        ("NVIDIA GeForce GTX TITAN X", "sm_52"),
        ("NVIDIA TITAN X (Pascal)", "sm_61"),
        ("GeForce GTX 1080 Ti", "sm_61"),
        ("NVIDIA H100 80GB HBM3", "sm_90"),
        ("Orin (nvgpu)", "sm_87"),
    ],
)
def test_a_name_with_prefix_and_suffix_is_recognised(nvidia: Vendor, name: str, architecture: str) -> None:
    assert architecture_of(nvidia, name) == architecture


@pytest.mark.parametrize(
    "name", ["RTX 6000", "NVIDIA A1000000", "NVIDIA RTX 4090 Something", "", "...", "NVIDIA", "NVIDIA Graphics Device"]
)
def test_a_name_that_fits_no_row_is_unknown(nvidia: Vendor, name: str) -> None:
    assert architecture_of(nvidia, name) is None


@pytest.mark.parametrize(
    ("name", "architecture"),
    [
        ("NVIDIA GeForce RTX 4090 ...", "sm_89"),
        ("NVIDIA GeForce RTX 409...", None),
        ("NVIDIA GeForce ...", None),
        ("NVIDIA RTX PRO 6000 Bla...", "sm_120"),
    ],
)
def test_a_cut_name_counts_where_all_that_it_may_be_agree(nvidia: Vendor, name: str, architecture: str | None) -> None:
    assert architecture_of(nvidia, name) == architecture


def test_words_behind_the_device_count_only_for_boards(nvidia: Vendor) -> None:
    name = "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super"
    assert architecture_of(nvidia, name) is None
    assert architecture_of(nvidia, name, board=True) == "sm_87"


def test_the_driver_branch_tells_the_newest_runtime(nvidia: Vendor) -> None:
    assert newest_runtime(nvidia, "570.124.06") == "12.8"
    assert newest_runtime(nvidia, "999.1") is None
    assert newest_runtime(nvidia, "unknown") is None


@pytest.mark.parametrize(
    ("vendor", "name", "architecture"),
    [
        ("intel", "Intel(R) Arc(TM) B580 Graphics", "bmg"),
        ("intel", "Intel(R) Arc(TM) A770M Graphics", "dg2"),
        ("intel", "Intel(R) Data Center GPU Max 1550", "pvc"),
        ("intel", "Intel(R) Graphics", None),
        ("apple", "Apple M2 Ultra", "m2"),
        ("apple", "Apple M1 (Virtual)", None),
        ("intel-gaudi", "HL-325L", "gaudi3"),
    ],
)
def test_names_as_the_tools_of_other_vendors_write_them(vendor: str, name: str, architecture: str | None) -> None:
    assert architecture_of(load_vendor(vendor), name) == architecture


def test_an_architecture_of_several_chips_names_none() -> None:
    trainium = only_model(load_vendor("aws-neuron"), "trn1")
    assert trainium is not None
    assert trainium.names == ("Trainium",)
    assert only_model(load_vendor("intel"), "bmg") is None
    assert only_model(load_vendor("intel"), "unheard of") is None
