"""What is wrong with the devices of single vendors, and that healthy hosts are left in peace."""

from collections.abc import Callable
from pathlib import Path

import pytest

from envkit.detect.analyzers.vendors import amd, intel
from envkit.detect.situation import Situation
from envkit.model.host import Device, Finding, HostFacts, Mask, Severity
from envkit.system.replay import FolderHost

HOSTS = Path(__file__).resolve().parents[1] / "hosts"
CARD = "0000:03:00.0"


def found(recorded: Callable, name: str, wanted: str) -> Finding:
    return next(finding for finding in recorded(HOSTS / name).facts().findings if finding.id == wanted)


@pytest.mark.parametrize(
    ("name", "wanted", "severity", "fact", "step"),
    [
        ("amd-override-wrong-family", "gfx-override-family", "warning", "devices[0].architecture", "unset"),
        ("amd-override-same-family", "gfx-override", "note", "devices[0].architecture", "unset"),
        ("amd-igpu-beside-dgpu", "integrated-visible", "note", "devices[1]", "export HIP_VISIBLE_DEVICES=0"),
        ("amd-old-card-beside-new", "compute-generation-unsupported", "warning", "devices[1]", "sudo dmesg"),
        ("amd-rocm-outside-window", "rocm-outside-window", "note", "stacks[0].runtimes", "# install one of ROCm 7.2.x"),
        ("ascend-cann-newer-than-driver", "cann-newer-than-driver", "warning", "stacks[0].driver", "# install"),
        ("intel-battlemage-old-kernel", "kernel-too-old", "error", "devices[0]", "# add the backports"),
        ("intel-npu-old-kernel", "kernel-too-old", "error", "devices[0]", "sudo apt install linux-generic-hwe-22.04"),
        ("intel-rebar-off", "resizable-bar-off", "warning", "devices[0]", "# switch on"),
        ("gaudi-driver-firmware-mismatch", "gaudi-firmware-mismatch", "warning", "devices[0]", "# install"),
        ("aws-neuron-without-tools", "neuron-tools-missing", "note", "stacks[0]", "sudo apt install aws-neuronx-tools"),
        ("cuda-visible-devices-empty", "devices-masked", "warning", "devices[0]", "unset CUDA_VISIBLE_DEVICES"),
        ("cuda-visible-devices-uuid", "devices-masked", "note", "devices[0]", "unset CUDA_VISIBLE_DEVICES"),
        ("iluvatar-mr-v100-imitated-nvidia-smi", "imitated-nvidia", "note", "stacks[0]", "# use the builds"),
    ],
)
def test_a_situation_has_its_severity_place_and_step(
    recorded: Callable, name: str, wanted: str, severity: str, fact: str, step: str
) -> None:
    finding = found(recorded, name, wanted)
    assert (finding.severity, finding.fact) == (severity, fact)
    assert finding.remedy[0].startswith(step)


@pytest.mark.parametrize(
    ("name", "wanted", "words"),
    [
        ("amd-override-wrong-family", "gfx-override-family", ("HSA_OVERRIDE_GFX_VERSION=10.3.0", "gfx1201")),
        ("amd-old-card-beside-new", "compute-generation-unsupported", ("0000:04:00.0", "PITCAIRN  not supported")),
        ("amd-generation-without-compute", "compute-node-missing", ("/dev/kfd does not exist", "PITCAIRN")),
        ("amd-rocm-outside-window", "rocm-outside-window", ("30.30.3", "6.1.2")),
        ("ascend-cann-newer-than-driver", "cann-newer-than-driver", ("24.1.rc3", "8.5.0")),
        ("intel-battlemage-old-kernel", "kernel-too-old", ("Arc B580", "6.1.0-28-amd64")),
        ("gaudi-driver-firmware-mismatch", "gaudi-firmware-mismatch", ("1.18", "1.20.1", "preboot_btl_ver")),
        ("iluvatar-mr-v100-imitated-nvidia-smi", "imitated-nvidia", ("GPU 0: Iluvatar MR-V100",)),
    ],
)
def test_evidence_names_both_sides(recorded: Callable, name: str, wanted: str, words: tuple[str, ...]) -> None:
    evidence = found(recorded, name, wanted).evidence
    assert [word for word in words if word not in evidence] == []


def test_a_masked_device_stays_usable(recorded: Callable) -> None:
    facts = recorded(HOSTS / "cuda-visible-devices-empty").facts()
    assert [device.usable for device in facts.devices or ()] == [True] * 4
    assert facts.findings[0].cause.endswith("see no nvidia device")


def two_of_amd(*masks: Mask) -> HostFacts:
    nodes = ("/dev/dri/renderD128",)
    card = Device(vendor="amd", index=0, pci_id="1002:744c", pci_address=CARD, architecture="gfx1100", nodes=nodes)
    inside = Device(vendor="amd", index=1, pci_id="1002:164e", architecture="gfx1036", nodes=nodes)
    return HostFacts(devices=(card, inside), stacks=(), masks=masks)


@pytest.mark.parametrize(
    ("visible", "count"), [(None, 0), ((0,), 0), ((1,), 1), ((0, 1), 1)], ids=["unknown", "card", "inside", "both"]
)
def test_graphics_of_the_processor_count_where_a_variable_shows_them(
    tmp_path: Path, visible: tuple[int, ...] | None, count: int
) -> None:
    mask = Mask(vendor="amd", variable="HIP_VISIBLE_DEVICES", value="x", devices=visible)
    assert len(amd.integrated_visible(Situation(FolderHost(tmp_path), two_of_amd(mask)))) == count
    assert len(amd.integrated_visible(Situation(FolderHost(tmp_path), two_of_amd()))) == 1


@pytest.mark.parametrize(
    ("value", "ids"),
    [
        ("10.3.0", ["gfx-override-family"]),
        ("11.0.1", ["gfx-override-family"]),
        ("9.0.10", ["gfx-override-family"] * 2),
        ("gfx1100", ["gfx-override"]),
        ("", []),
    ],
)
def test_an_override_is_compared_with_each_device(tmp_path: Path, value: str, ids: list[str]) -> None:
    host = FolderHost(tmp_path, [{"variable": "HSA_OVERRIDE_GFX_VERSION", "value": value}])
    findings = amd.overridden_architecture(Situation(host, two_of_amd()))
    assert [finding.id for finding in findings] == ids


@pytest.mark.parametrize(
    ("resource", "memory", "severities"),
    [
        ("0x0000006000000000 0x000000600fffffff 0x000000000014220c\n", 12216, [Severity.WARNING]),
        ("0x0000006000000000 0x000000600fffffff 0x000000000014220c\n", None, [Severity.WARNING]),
        ("0x0000006000000000 0x000000600fffffff 0x000000000014220c\n", 256, []),
        ("0x0000006000000000 0x00000063ffffffff 0x000000000014220c\n", 12216, []),
        ("0x0000000000000000 0x0000000000000000 0x0000000000000000\n", 12216, []),
        ("", 12216, []),
        ("not addresses\n", 12216, []),
    ],
)
def test_only_a_window_of_256_mib_into_a_larger_memory_is_small(
    tmp_path: Path, resource: str, memory: int | None, severities: list[Severity]
) -> None:
    folder = tmp_path / f"sys/bus/pci/devices/{CARD}"
    folder.mkdir(parents=True)
    (folder / "resource").write_text(resource)
    card = Device(vendor="intel", index=0, pci_address=CARD, kernel_driver="xe", memory_mib=memory)
    findings = intel.small_window(Situation(FolderHost(tmp_path), HostFacts(devices=(card,))))
    assert [finding.severity for finding in findings] == severities
