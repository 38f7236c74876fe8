"""Targets by name, and devices looked up in the model tables."""

import pytest

from envkit.errors import UsageError
from envkit.model.host import Device, Libc, Python, Stack
from envkit.model.matrix import Matrix
from envkit.resolve.models import model_of_device
from envkit.resolve.targets import target_facts


def test_a_full_target_becomes_facts(matrix: Matrix) -> None:
    facts = target_facts("h100*8, driver=570.124.06, os=ubuntu-24.04", matrix)
    assert [device.index for device in facts.devices or ()] == list(range(8))
    assert {device.architecture for device in facts.devices or ()} == {"sm_90"}
    assert facts.stacks == (Stack(vendor="nvidia", driver="570.124.06"),)
    assert facts.os is not None
    assert (facts.os.id, facts.os.version) == ("ubuntu", "24.04")
    assert facts.os.libc == Libc(family="glibc", version="2.39")
    assert facts.pythons == (Python(version="3.12", path="python3"),)
    assert {entry.source for entry in facts.evidence} == {"--target"}


def test_devices_of_several_kinds_are_joined_by_a_plus_sign(matrix: Matrix) -> None:
    facts = target_facts("v100+a100*2,driver=580.95.05", matrix)
    devices = facts.devices or ()
    assert [(device.index, device.architecture) for device in devices] == [(0, "sm_70"), (1, "sm_80"), (2, "sm_80")]
    assert facts.stacks == (Stack(vendor="nvidia", driver="580.95.05"),)
    assert target_facts("v100, a100 * 2, driver=580.95.05", matrix).devices == devices


def test_each_vendor_counts_its_own_devices(matrix: Matrix) -> None:
    devices = target_facts("a100*2+mi300x", matrix).devices or ()
    assert [(device.vendor, device.index) for device in devices] == [("nvidia", 0), ("nvidia", 1), ("amd", 0)]


def test_a_plus_sign_in_a_listed_name_separates_nothing(matrix: Matrix) -> None:
    devices = target_facts("Ryzen AI Max+ 395", matrix).devices or ()
    assert [device.architecture for device in devices] == ["gfx1151"]


def test_the_processor_alone_has_no_devices(matrix: Matrix) -> None:
    facts = target_facts("cpu,arch=aarch64,python=3.11", matrix)
    assert (facts.devices, facts.stacks) == ((), ())
    assert facts.cpu is not None
    assert facts.cpu.architecture == "aarch64"
    assert facts.pythons == (Python(version="3.11", path="python3"),)


def test_what_a_target_does_not_name_is_unknown(matrix: Matrix) -> None:
    facts = target_facts("a100", matrix)
    assert (facts.stacks, facts.pythons, facts.engines) == (None, None, None)


def test_a_minimum_driver_counts_as_that_driver(matrix: Matrix) -> None:
    assert target_facts("a100, driver>=535", matrix).stacks == (Stack(vendor="nvidia", driver="535"),)


@pytest.mark.parametrize(
    ("name", "vendor", "architecture"),
    [
        ("rtx5090", "nvidia", "sm_120"),
        ("RTX 5090", "nvidia", "sm_120"),
        ("nvidia-h100", "nvidia", "sm_90"),
        ("quadro rtx 6000", "nvidia", "sm_75"),
        ("rtx 6000 ada", "nvidia", "sm_89"),
        ("rtx a6000", "nvidia", "sm_86"),
        ("mi300x", "amd", "gfx942"),
        ("9070 xt", "amd", "gfx1201"),
    ],
)
def test_names_are_found_however_they_are_spelled(matrix: Matrix, name: str, vendor: str, architecture: str) -> None:
    device = (target_facts(name, matrix).devices or ())[0]
    assert (device.vendor, device.architecture) == (vendor, architecture)


@pytest.mark.parametrize(
    ("target", "hint"),
    [
        ("rtx 5091", "did you mean `RTX 5090`?"),
        ("a100,os=ubuntu-24.05", "did you mean `ubuntu-24.04`?"),
        ("a100,drivr=535", "did you mean `driver`?"),
        ("v100+rtx 5091*2", "did you mean `RTX 5090`?"),
    ],
)
def test_a_wrong_name_is_a_usage_error_with_the_nearest(matrix: Matrix, target: str, hint: str) -> None:
    with pytest.raises(UsageError) as error:
        target_facts(target, matrix)
    assert hint in error.value.hints


@pytest.mark.parametrize(
    "target",
    ["", "a100,driver=new", "cpu,driver=535", "a100,mi300x,driver=535", "a100*x", "a100*0", "a100+", "a100+cpu"],
)
def test_what_is_no_target_is_a_usage_error(matrix: Matrix, target: str) -> None:
    with pytest.raises(UsageError) as error:
        target_facts(target, matrix)
    assert any("v100+a100*2" in hint for hint in error.value.hints)


@pytest.mark.parametrize(
    ("name", "architecture"),
    [
        ("NVIDIA A10", "sm_86"),
        ("NVIDIA A100-SXM4-80GB", "sm_80"),
        ("NVIDIA GeForce RTX 4070 Ti SUPER", "sm_89"),
        ("NVIDIA RTX 6000 Ada Generation", "sm_89"),
        ("Some Other Card", None),
    ],
)
def test_a_device_name_is_matched_in_whole_words(matrix: Matrix, name: str, architecture: str | None) -> None:
    tables = matrix.vendor("nvidia")
    assert tables is not None
    model = model_of_device(Device(vendor="nvidia", name=name), tables)
    assert (model.architecture if model is not None else None) == architecture


def test_a_pci_id_counts_before_the_name(matrix: Matrix) -> None:
    tables = matrix.vendor("nvidia")
    assert tables is not None
    model = model_of_device(Device(vendor="nvidia", name="NVIDIA A10", pci_id="10de:2E12"), tables)
    assert model is not None
    assert model.architecture == "sm_121"
