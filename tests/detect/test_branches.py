import msgspec
import pytest

from envkit.data import load_vendor
from envkit.detect.branches import DriverChoice, NoDriver, choose_driver, driver_remedy, driver_serves
from envkit.detect.facts import PciDevice, Surroundings
from envkit.model.host import Device, OperatingSystem
from envkit.model.provenance import Source
from envkit.system.live import LiveHost

NVIDIA = load_vendor("nvidia")


@pytest.mark.parametrize(
    ("architectures", "branch", "kind"),
    [
        (("sm_120",), 595, "open"),
        (("sm_90",), 595, "open"),
        (("sm_61",), 580, "proprietary"),
        (("sm_70", "sm_80"), 580, "proprietary"),
        (("sm_107",), 615, "open"),
        (("sm_35",), 470, "proprietary"),
    ],
)
def test_the_newest_production_branch_that_serves_every_card_is_taken(
    architectures: tuple[str, ...], branch: int, kind: str
) -> None:
    choice = choose_driver(NVIDIA, architectures)
    assert isinstance(choice, DriverChoice)
    assert (choice.branch, choice.kind, choice.ended) == (branch, kind, False)


def test_cards_that_need_different_kernel_modules_have_no_driver_and_both_are_named() -> None:
    choice = choose_driver(NVIDIA, ("sm_70", "sm_120"))
    assert isinstance(choice, NoDriver)
    assert "sm_70 needs driver >=384 and <=580, proprietary modules" in choice.reason
    assert "sm_120 needs driver >=570, open modules" in choice.reason


def test_cards_whose_branches_do_not_meet_have_no_driver() -> None:
    choice = choose_driver(NVIDIA, ("sm_35", "sm_86", "sm_107"))
    assert isinstance(choice, NoDriver)
    assert "sm_107 needs driver >=615" in choice.reason


def test_an_embedded_board_is_not_given_a_package() -> None:
    choice = choose_driver(NVIDIA, ("sm_87",))
    assert isinstance(choice, NoDriver)
    assert "sm_87" in choice.reason


def test_a_card_that_is_not_in_the_table_is_not_guessed_about() -> None:
    assert choose_driver(NVIDIA, ("sm_999", "sm_80")) is None
    assert choose_driver(NVIDIA, ()) is None
    assert choose_driver(load_vendor("amd"), ("gfx942",)) is None


def test_a_branch_whose_end_has_come_gives_way_to_one_that_is_kept_up() -> None:
    later = {name: Source(text=source.text, retrieved="2027-05-01") for name, source in NVIDIA.sources.items()}
    choice = choose_driver(msgspec.structs.replace(NVIDIA, sources=later), ("sm_120",))
    assert isinstance(choice, DriverChoice)
    assert (choice.branch, choice.end_of_life) == (580, "2028-06")


@pytest.mark.parametrize(
    ("architecture", "driver", "serves"),
    [
        ("sm_120", "565.57.01", False),
        ("sm_120", "570.124.06", True),
        ("sm_61", "595.45.04", False),
        ("sm_61", "535.10", True),
        ("sm_87", "540.4.0", None),
        ("sm_999", "570.1", None),
        ("sm_120", None, None),
        ("sm_120", "unknown", None),
    ],
)
def test_an_installed_driver_is_held_against_the_card(
    architecture: str, driver: str | None, *, serves: bool | None
) -> None:
    assert driver_serves(NVIDIA, architecture, driver) is serves


def around(*ids: str) -> Surroundings:
    cards = tuple(
        PciDevice(address=f"0000:0{place}:00.0", vendor="10de", device=name, device_class="0302")
        for place, name in enumerate(ids)
    )
    return Surroundings(LiveHost(), OperatingSystem(system="linux"), cards)


def test_the_remedy_of_one_card_counts_the_others_on_the_bus() -> None:
    ampere = Device(vendor="nvidia", architecture="sm_80")
    assert driver_remedy(around("20b2"), ampere) == (("nvidia-driver",), {"branch": "595"})
    assert driver_remedy(around("20b2", "1db1"), ampere) == (("nvidia-driver-proprietary",), {"branch": "580"})
    blackwell = Device(vendor="nvidia", architecture="sm_120")
    assert driver_remedy(around("2b85", "1db1"), blackwell) == (("nvidia-driver",), {})
    assert driver_remedy(around(), Device(vendor="nvidia")) == (("nvidia-driver",), {})
    assert driver_remedy(around(), Device(vendor="amd", architecture="gfx942")) == (("amd-driver",), {})


@pytest.mark.parametrize(
    ("pci_id", "remedy", "branch"),
    [
        ("10de:1b06", "nvidia-driver-proprietary", "580"),
        ("10de:2684", "nvidia-driver", "595"),
        ("10de:2b85", "nvidia-driver", "595"),
        ("10de:1024", "nvidia-driver-proprietary", "470"),
    ],
)
def test_a_card_without_a_driver_is_told_by_the_range_of_its_id(pci_id: str, remedy: str, branch: str) -> None:
    assert driver_remedy(around(), Device(vendor="nvidia", pci_id=pci_id)) == ((remedy,), {"branch": branch})


@pytest.mark.parametrize("pci_id", [None, "10de:0a65", "10de:ffff", "8086:1b06", "10de:", "10de:1B06", "nonsense"])
def test_an_id_of_no_range_tells_nothing(pci_id: str | None) -> None:
    assert driver_remedy(around(), Device(vendor="nvidia", pci_id=pci_id)) == (("nvidia-driver",), {})
