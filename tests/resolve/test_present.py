"""Resolutions as text."""

from collections.abc import Callable

from envkit.model.resolution import Resolution
from envkit.resolve.present import describe_resolution

Ask = Callable[..., Resolution]


def test_a_choice_is_told_with_reasons_and_what_was_rejected(ask_real: Ask) -> None:
    text = describe_resolution(ask_real("rtx 5090,driver=570.124.06", "pytorch"))
    for line in (
        "pytorch: ok",
        "  packages  torch 2.11.0, torchvision 0.26.0",
        "  variant   cu128 (cuda 12.8) for nvidia",
        "  python    3.12",
        "  source    pytorch-cu128 (https://download.pytorch.org/whl/cu128)",
        "  base      python:3.12-slim-bookworm",
        "  driver    >=570 keeps this valid",
        "  ✓ driver-floor: cuda 12.8 needs driver >=525.60.13; host has 570.124.06",
        "  ? index-availability: whether index `pytorch-cu128` has it was not asked yet",
        "  device-architecture:",
    ):
        assert line in text.splitlines()
    assert " and 17 more: cuda 13.2 needs driver >=580.65.06; host has 570.124.06" in text


def test_a_refusal_is_told_with_blame_and_remedies_cheapest_first(ask_real: Ask) -> None:
    text = describe_resolution(ask_real("rtx 5090,driver=570.124.06", "pytorch>=2.12", on="nvidia"))
    assert "  driver: needs >=580.65.06, seen 570.124.06 (read from --target)" in text.splitlines()
    assert text.index("envkit up pytorch==2.11.0") < text.index("NVIDIA driver >=580.65.06") < text.index("--on cpu")


def test_a_device_left_unused_is_marked(ask_real: Ask) -> None:
    text = describe_resolution(ask_real("h100,driver=580.65.06", "openvino"))
    assert "✗ accelerator-unused: NVIDIA device 0 (H100) would be left unused; `--on cpu` agrees to that" in text
    assert "what stands in the way:" in text


def test_verbose_shows_every_check_with_its_sources(ask_real: Ask) -> None:
    resolution = ask_real("a100,driver=580.65.06", "pytorch")
    plain, verbose = describe_resolution(resolution), describe_resolution(resolution, verbose=True)
    assert "cpu-architecture" not in plain
    assert "  ✓ cpu-architecture: wheel is for x86_64" in verbose.splitlines()
    assert "source: docs.nvidia.com/deploy/cuda-compatibility" in verbose


def test_no_line_is_left_empty_handed(ask_real: Ask) -> None:
    lines = describe_resolution(ask_real("cpu", "pytorch")).splitlines()
    assert not [line for line in lines if line != line.rstrip()]
    assert "notes:" not in lines
