"""Parsers of vendor tools: forms that no recorded host holds."""

import json

import pytest

from envkit.detect.pci import full_address, parse_numbered
from envkit.detect.sources import amd_tools, nvidia_smi
from envkit.detect.sources.nvidia_nvml import pci_id


def test_query_csv_gives_everything_but_the_ceiling() -> None:
    reading = nvidia_smi.parse_csv(
        "0, NVIDIA H100 80GB HBM3, 535.161.08, 9.0, 81559, 00000000:19:00.0, Enabled\n"
        "1, [N/A], 535.161.08, [N/A], [N/A], 00000000:3B:00.0, [N/A]\n",
        "csv",
    )
    first, second = reading.devices
    assert (first.index, first.name, first.architecture) == (0, "NVIDIA H100 80GB HBM3", "sm_90")
    assert (first.memory_mib, first.pci_address) == (81559, "0000:19:00.0")
    assert (second.name, second.architecture, second.memory_mib) == (None, None, None)
    assert (reading.driver, reading.ceiling, reading.partitioned) == ("535.161.08", None, ("0000:19:00.0",))


def test_an_error_sentence_is_the_reason_why_nothing_was_read() -> None:
    sentence = "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver."
    for parse in (nvidia_smi.parse_csv, nvidia_smi.parse_text, nvidia_smi.parse_table):
        reading = parse(sentence + "\n", "nvidia-smi")
        assert (reading.devices, reading.failure) == ((), sentence)


def test_xml_that_defines_entities_is_refused() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><nvidia_smi_log>&b;</nvidia_smi_log>'
    reading = nvidia_smi.parse_xml(bomb, "xml")
    assert reading.devices == ()
    assert "not XML that can be read" in (reading.failure or "")


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("gfx1101", "gfx1101"),
        ("gfx11001", "gfx1101"),
        ("gfx9008", "gfx908"),
        ("gfx9010", "gfx90a"),
        ("gfx90a", "gfx90a"),
        ("gfx942", "gfx942"),
        ("N/A", None),
        (None, None),
    ],
)
def test_gfx_targets_are_repaired(text: str | None, target: str | None) -> None:
    assert amd_tools.target(text) == target


@pytest.mark.parametrize("size", [{"value": 24560, "unit": "MB"}, 24560, "24560 MB"])
def test_amd_smi_of_several_releases(size: object) -> None:
    gpu = {
        "gpu": 0,
        "asic": {"market_name": "Navi 31", "vendor_id": "0x1002", "device_id": "0x744c"},
        "bus": {"bdf": "0000:03:00.0"},
        "driver": {"name": "amdgpu", "version": "N/A"},
        "vram": {"size": size},
    }
    for document in ([gpu], {"gpu_data": [gpu]}):
        reading = amd_tools.parse_amd_smi(json.dumps(document), "amd-smi")
        (device,) = reading.devices
        assert (device.name, device.pci_id, device.memory_mib) == ("Navi 31", "1002:744c", 24560)
        assert reading.driver is None


def test_warnings_before_the_json_of_rocm_smi_are_skipped() -> None:
    text = 'WARNING: AMD GPU device(s) is/are in a low-power state\n{"card0": {"Card Series": "A", "": ""}}'
    reading = amd_tools.parse_rocm_smi(text, "rocm-smi")
    assert [device.name for device in reading.devices] == ["A"]


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("1B:00.0", "0000:1b:00.0"),
        ("00000000:1B:00.0", "0000:1b:00.0"),
        ("0000000F:01:00.0", "000f:01:00.0"),
        ("10000:e1:00.0", "10000:e1:00.0"),
        ("N/A", None),
        ("", None),
    ],
)
def test_addresses_are_written_as_the_kernel_writes_them(written: str, address: str | None) -> None:
    assert full_address(written) == address


def test_ids_that_a_donor_masked_are_unknown() -> None:
    assert pci_id(0x233010DE) == "10de:2330"
    assert pci_id(0x000000DE) is None


def test_lspci_lines_of_other_forms_are_left_out() -> None:
    assert parse_numbered("pcilib: cannot open\n\n00:02.0 VGA compatible controller\n") == ()
