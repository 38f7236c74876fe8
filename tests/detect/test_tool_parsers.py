"""Parsers of vendors' tools on texts that no recording has: other columns, other widths, nothing at all."""

from collections.abc import Callable

import pytest

from envkit.detect import printed
from envkit.detect.reading import Reading
from envkit.detect.sources import ascend, cambricon, enflame, hygon, iluvatar, kunlunxin, metax, mthreads, thead

PARSERS: tuple[Callable[[str, str], Reading], ...] = (
    ascend.parse_table,
    ascend.parse_mapping,
    cambricon.parse_table,
    cambricon.parse_details,
    enflame.parse_table,
    enflame.parse_details,
    hygon.parse_json,
    hygon.parse_table,
    hygon.parse_driver,
    hygon.parse_rocminfo,
    iluvatar.parse_table,
    kunlunxin.parse_table,
    metax.parse_table,
    mthreads.parse_table,
    thead.parse_csv,
)
NVIDIA_TABLE = """\
| NVIDIA-SMI 535.54.03              Driver Version: 535.54.03    CUDA Version: 12.2     |
|   0  NVIDIA A10                     On  | 00000000:06:00.0 Off |                    0 |
|  0%   26C    P8              15W / 150W |      4MiB / 23028MiB |      0%      Default |
"""


@pytest.mark.parametrize("parse", PARSERS, ids=lambda parse: f"{parse.__module__}.{parse.__name__}")
@pytest.mark.parametrize("text", ["", "\n", "command failed: no device\n", '{"a": 1}', "[]", "|||\n| 0 |\n"])
def test_what_cannot_be_read_is_a_failure_with_its_first_line(parse: Callable[[str, str], Reading], text: str) -> None:
    reading = parse(text, "tool")
    assert (reading.devices, reading.driver, reading.runtimes) == ((), None, ())
    assert reading.failure == (text.strip().partition("\n")[0] or "printed nothing")


@pytest.mark.parametrize("parse", [iluvatar.parse_table, kunlunxin.parse_table])
def test_the_table_of_nvidia_is_not_that_of_its_imitators(parse: Callable[[str, str], Reading]) -> None:
    assert parse(NVIDIA_TABLE, "tool").devices == ()


def test_wider_columns_and_new_ones_are_read_alike() -> None:
    text = """\
| npu-smi 25.5.0                          Version: 25.5.0                                                    |
| NPU   Name                     | Health          | New column | Power(W)   Temp(C)                         |
| Chip  Phy-ID                   | Bus-Id          | New column | AICore(%)  Memory-Usage(MB) HBM-Usage(MB)  |
| 3     910B3                    | OK              | 7          | 92.3       36                              |
| 0     12                       | 0000:C1:00.0    | 8          | 0          0 / 0            26690/ 65536   |
"""
    reading = ascend.parse_table(text, "npu-smi info")
    (device,) = reading.devices
    assert (device.index, device.name, device.pci_address) == (12, "910B3", "0000:c1:00.0")
    assert (device.memory_mib, reading.driver, reading.troubles) == (65536, "25.5.0", ())


def test_a_chip_without_a_second_line_is_a_device_of_unknown_address() -> None:
    (device,) = ascend.parse_table("| 0     950PR   | OK   | 92.3  36  |\n", "npu-smi info").devices
    assert (device.index, device.name, device.pci_address, device.memory_mib) == (0, "950PR", None, None)


def test_processes_below_a_table_are_no_devices() -> None:
    text = """\
| 0    Iluvatar BI-V150         | 00000000:10:00.0     | 1500MHz   1600MHz    |
| N/A  40C   P0    N/A / N/A    | 64MiB / 32768MiB     | 0%        Default    |
| Processes:                                                       GPU Memory |
| 1    python                   | 00000000:13:00.0     | 1500MHz   1600MHz    |
"""
    header = "|  IX-ML: 4.3.0       Driver Version: 4.3.0       CUDA Version: 10.2          |\n"
    reading = iluvatar.parse_table(header + text, "ixsmi")
    assert [device.index for device in reading.devices] == [0]
    assert (reading.driver, reading.ceiling) == ("4.3.0", None)


def test_columns_of_csv_are_found_by_their_headings() -> None:
    text = "index, serial, pci.bus_id, name\n4, 0, 00000000:A8:00.0, PPU-ZW810E\n[N/A], 0, x, y\n"
    (device,) = thead.parse_csv(text, "ppu-smi").devices
    assert (device.index, device.name, device.pci_address) == (4, "PPU-ZW810E", "0000:a8:00.0")
    assert device.memory_mib is None


def test_tools_under_the_name_of_amd_are_believed_where_they_name_hygon() -> None:
    amd = '{"card0": {"Card Series": "AMD Instinct MI100", "Card Vendor": "Advanced Micro Devices, Inc."}}'
    assert hygon.parse_json(amd, "rocm-smi -i").devices == ()
    own = (
        'WARNING: low power\n{"card3": {"Card Series": "Z100L", "DCU use (%)": "0", "vram Total Memory (B)": 1048576}}'
    )
    (device,) = hygon.parse_json(own, "rocm-smi -i").devices
    assert (device.index, device.name, device.memory_mib) == (3, "Z100L", 1)
    assert (
        hygon.parse_table("HCU  Temp   AvgPwr\n0    46.0C  51.0W\n1    45.0C  50.0W\n", "hy-smi").devices[1].index == 1
    )
    assert hygon.parse_driver("Driver Version: 6.3.13-V1.12.0a\n", "hy-smi --showdriverversion").driver == (
        "6.3.13-V1.12.0a"
    )


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v5.10.13", "5.10.13"),
        ("24.1.rc3.3", "24.1.rc3.3"),
        ("5.1.0-server", "5.1.0-server"),
        ("2.1.0-ra1f23041713 |", "2.1.0-ra1f23041713"),
        ("N/A", None),
        ("unknown", None),
        ("", None),
    ],
)
def test_versions_keep_the_spelling_of_the_vendor(text: str, version: str | None) -> None:
    assert printed.find_version(text) == version


@pytest.mark.parametrize("name", ["xxx", "DCU xxxx", "K1xx_AI", "N/A", "-", " ", "***", None])
def test_a_masked_name_is_unknown(name: str | None) -> None:
    assert printed.told(name) is None
