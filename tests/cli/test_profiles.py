"""`envkit resolve --host FILE` on named machines: the right build or a refusal, with the reasons printed."""

from pathlib import Path

import pytest

PROFILES = Path(__file__).resolve().parents[1] / "profiles"


@pytest.mark.parametrize(
    ("profile", "packages", "variant", "reasons"),
    [
        (
            "rtx-5090-driver-570",
            {"torch": "2.11.0", "torchvision": "0.26.0"},
            "cu128",
            (
                "cuda 13.2 needs driver >=580.65.06; host has 570.124.06",
                "wheel has sm_50…sm_90; device 0 (NVIDIA GeForce RTX 5090) is sm_120",
                "the wheel serves sm_120 with machine code",
            ),
        ),
        (
            "gtx-1080-ti-driver-580",
            {"torch": "2.14.1", "torchvision": "0.29.1"},
            "cu126",
            ("wheel has sm_75…sm_120; device 0 (NVIDIA GeForce GTX 1080 Ti) is sm_61", "serves sm_61"),
        ),
        (
            "mi300x-8",
            {"torch": "2.14.1", "torchvision": "0.29.1"},
            "rocm7.2",
            ("serves gfx942", "0, 1, 2, 3, 4, 5, 6, 7"),
        ),
        ("laptop-without-gpu", {"torch": "2.15.0", "torchvision": "0.29.2"}, "cpu", ("pytorch-cpu",)),
        (
            "v100-and-a100-driver-580",
            {"torch": "2.14.1", "torchvision": "0.29.1"},
            "cu126",
            ("serves sm_70, sm_80", "device 0 (Tesla V100-SXM2-16GB) is sm_70"),
        ),
    ],
)
def test_the_right_build_is_chosen_and_explained(
    home, profile: str, packages: dict[str, str], variant: str, reasons: tuple[str, ...]
) -> None:
    path = str(PROFILES / f"{profile}.yaml")
    resolution = home.run("resolve", "pytorch", "--host", path, "--json").json
    assert resolution["status"] == "ok"
    assert (resolution["chosen"]["packages"], resolution["chosen"]["variant"]) == (packages, variant)
    assert all(check["verdict"] != "fail" for check in resolution["checks"])
    text = home.run("resolve", "pytorch", "--host", path).stdout
    assert [reason for reason in reasons if reason not in text] == []


def test_a_pair_that_one_kernel_module_cannot_serve_is_not_hidden_behind_the_processor(home) -> None:
    path = str(PROFILES / "v100-and-rtx-5090.yaml")
    resolution = home.run("resolve", "pytorch", "--host", path, "--json").json
    assert resolution["status"] == "degraded"
    unused = next(check for check in resolution["checks"] if check["rule"] == "accelerator-unused")
    assert "Tesla V100-SXM2-16GB" in unused["reason"]
    assert "NVIDIA GeForce RTX 5090" in unused["reason"]
    assert any(rejected["rule"] == "kernel-module" for rejected in resolution["rejected"])
    assert "envkit up pytorch --devices 0" in {remedy["command"] for remedy in resolution["remedies"]}


def test_the_refusal_names_the_driver_when_only_the_device_will_do(home) -> None:
    path = str(PROFILES / "rtx-5090-driver-570.yaml")
    refused = home.run("resolve", "pytorch>=2.12", "--on", "nvidia", "--host", path, "--json")
    assert (refused.status, refused.json["status"]) == (3, "unsatisfiable")
    assert refused.json["blame"]
    assert refused.json["remedies"]
