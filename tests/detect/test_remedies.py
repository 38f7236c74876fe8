import re

from envkit.data import load_remedies, load_systems, load_vendors
from envkit.detect.remedies import family_chain, needed_remedies, remedy_steps
from envkit.model.host import OperatingSystem

REMEDIES = [row for group in load_remedies() for row in group.remedies]
WORD = re.compile(r"\{[a-z_]+\}")
LINUX = OperatingSystem(system="linux")


def test_steps_with_an_unknown_value_give_way_to_steps_without() -> None:
    ubuntu = OperatingSystem(system="linux", id="ubuntu", version="24.04")
    assert "sudo ubuntu-drivers install" not in remedy_steps(ubuntu, ("nvidia-driver",), {})
    assert not [step for step in remedy_steps(ubuntu, ("nvidia-driver",), {}) if WORD.search(step)]
    steps = remedy_steps(ubuntu, ("nvidia-driver",), {"branch": "580"})
    assert any("nvidia-driver-580-server" in step for step in steps)


def test_what_a_remedy_needs_comes_before_it_and_once() -> None:
    assert [row.id for row in needed_remedies(("nvidia-driver", "nvidia-cdi", "ascend-driver"))] == [
        "build-headers",
        "nvidia-driver",
        "nvidia-container-toolkit",
        "nvidia-cdi",
        "ascend-driver",
    ]


def test_a_release_goes_before_its_family_and_windows_before_the_distribution() -> None:
    families = load_systems().families
    rocky = OperatingSystem(system="linux", id="rocky", id_like=("rhel", "centos", "fedora"), version="10.1")
    assert family_chain(rocky, families)[:3] == ("rhel-10", "rhel", "dnf-10")
    wsl = OperatingSystem(system="linux", id="ubuntu", version="24.04", wsl=True)
    assert family_chain(wsl, families)[:3] == ("wsl", "ubuntu-24", "ubuntu")


def test_steps_stand_under_names_that_a_system_can_have() -> None:
    names = {family.name for family in load_systems().families} | {"container", "wsl", "any"}
    used = {name for row in REMEDIES for name in row.steps}
    assert {name for name in used if not {name, name.partition("-")[0]} & names} == set()


def test_every_vendor_with_a_driver_has_steps_everywhere() -> None:
    known = {row.id for row in REMEDIES}
    vendors = {vendor.name for vendor in load_vendors()} - {"cpu", "apple"}
    assert {f"{vendor}-driver" for vendor in vendors} - known == set()
    own = [f"{vendor}{kind}" for vendor in vendors for kind in ("-driver", "-container-toolkit", "-cdi")]
    assert [name for name in own if name in known and not remedy_steps(LINUX, (name,), {})] == []


def test_every_vendor_whose_nodes_do_not_suffice_has_a_toolkit_and_a_specification() -> None:
    known = {row.id for row in REMEDIES}
    short = [vendor for vendor in load_vendors() if vendor.access is not None and not vendor.access.nodes_suffice]
    assert {"nvidia", "ascend"} <= {vendor.name for vendor in short}
    ways = {f"{vendor.name}-{way}" for vendor in short for way in ("cdi", "container-toolkit")}
    assert ways - known == set()


def test_an_id_names_one_remedy() -> None:
    ids = [row.id for row in REMEDIES]
    assert sorted(name for name in set(ids) if ids.count(name) > 1) == []
