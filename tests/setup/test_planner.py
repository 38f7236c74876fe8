import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from envkit.data.documents import load_document
from envkit.detect import detect_host
from envkit.errors import UsageError
from envkit.model.host import ContainerEngine, Device, Finding, HostFacts, OperatingSystem, Severity, Stack
from envkit.model.setup import SetupPlan
from envkit.setup import plan_setup, render_script
from envkit.system.replay import FolderHost

MakeHost = Callable[..., HostFacts]
HOSTS = Path(__file__).resolve().parents[1] / "hosts"
FOLDERS = sorted(path.parent for path in HOSTS.glob("*/host.yaml"))
WORD = re.compile(r"\{[a-z_]+\}")
AMPERE = Device(vendor="nvidia", index=0, architecture="sm_80", kernel_driver="nvidia", nodes=("/dev/nvidia0",))


def remedies(plan: SetupPlan) -> list[str]:
    return [part.remedy for part in plan.parts]


def docker(**fields: object) -> ContainerEngine:
    return ContainerEngine(name="docker", usable=True, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_recorded_host_has_a_plan_and_a_healthy_one_an_empty_plan(folder: Path) -> None:
    document = load_document((folder / "host.yaml").read_text(), str(folder))
    assert isinstance(document, dict)
    host = FolderHost(folder, document.get("recordings", []))
    facts = detect_host(host, data_directory="/var/lib/envkit")
    plan = plan_setup(facts)
    assert render_script(plan) == "" or plan.parts
    # A healthy host is one of which neither detection nor the doctor has anything to say.
    doctor = document.get("doctor", {})
    if not facts.findings and not (isinstance(doctor, dict) and doctor.get("findings")):
        assert remedies(plan) == []
    # Neither the plan nor a finding shows a word that stands for a value that nobody knew.
    steps = [
        *(step for part in plan.parts for step in part.steps),
        *(step for row in facts.findings for step in row.remedy),
    ]
    assert [step for step in steps if WORD.search(step)] == []


def test_driver_comes_with_its_headers_and_the_specification_after_the_restart(make_host: MakeHost) -> None:
    plan = plan_setup(make_host("ubuntu-24.04", "nvidia-blackwell"))
    assert remedies(plan) == ["build-headers", "nvidia-driver", "nvidia-container-toolkit"]
    assert (plan.restart, plan.afterwards) == ("reboot", ("envkit host setup",))
    assert "branch 595, open kernel modules, kept up until 2027-03" in plan.parts[1].reason
    assert all("reboot" not in command for part in plan.parts for command in part.commands)


def test_after_the_restart_the_specification_is_written(make_host: MakeHost) -> None:
    engine = docker(cdi=True, cdi_devices=(), runtimes=("runc",))
    plan = plan_setup(make_host("ubuntu-24.04", AMPERE, driver="595.45.04", missing=False, engine=engine))
    assert remedies(plan) == ["nvidia-container-toolkit", "nvidia-cdi"]
    assert (plan.restart, plan.afterwards) == (None, ())


@pytest.mark.parametrize(
    "engine",
    [
        None,
        docker(cdi=True, cdi_devices=("nvidia.com/gpu=all",), runtimes=("runc",)),
        docker(cdi=False, runtimes=("nvidia", "runc")),
        docker(cdi=True, runtimes=("runc",)),
        docker(cdi=True, cdi_devices=()),
        ContainerEngine(name="docker", usable=False, runtimes=("runc",), cdi_devices=()),
    ],
    ids=["none", "cdi", "runtime", "names-unknown", "runtimes-unknown", "unusable"],
)
def test_containers_that_have_a_way_or_cannot_be_started_need_nothing(
    make_host: MakeHost, engine: ContainerEngine | None
) -> None:
    plan = plan_setup(make_host("ubuntu-24.04", AMPERE, driver="595.45.04", missing=False, engine=engine))
    assert remedies(plan) == []


def test_an_engine_without_cdi_gets_the_runtime_of_the_toolkit(make_host: MakeHost) -> None:
    engine = docker(cdi=False, cdi_devices=(), runtimes=("runc",))
    plan = plan_setup(make_host("ubuntu-24.04", AMPERE, driver="595.45.04", missing=False, engine=engine))
    assert remedies(plan) == ["nvidia-container-toolkit"]


def test_a_vendor_without_a_package_gets_a_specification_of_ours(make_host: MakeHost) -> None:
    card = Device(vendor="ascend", index=0, architecture="910b", nodes=("/dev/davinci0",))
    plan = plan_setup(make_host("openeuler-24.03", card, driver="24.1.rc2", missing=False))
    assert remedies(plan) == ["ascend-cdi"]
    assert "envkit cdi generate --vendor ascend" in render_script(plan)


def test_a_vendor_whose_nodes_suffice_needs_no_toolkit(make_host: MakeHost) -> None:
    card = Device(vendor="amd", index=0, architecture="gfx942", nodes=("/dev/kfd", "/dev/dri/renderD128"))
    assert remedies(plan_setup(make_host("ubuntu-24.04", card, driver="6.10.5", missing=False))) == []


def test_cards_that_no_driver_serves_together_get_none_and_the_reason(make_host: MakeHost) -> None:
    volta = Device(vendor="nvidia", index=1, pci_id="10de:1db1", architecture="sm_70", usable=False)
    plan = plan_setup(make_host("ubuntu-24.04", "nvidia-blackwell", volta, engine=None))
    assert remedies(plan) == []
    assert "sm_70 needs driver >=384 and <=580, proprietary modules" in plan.notes[0]


def test_a_driver_of_a_branch_that_does_not_know_the_card_is_replaced(make_host: MakeHost) -> None:
    plan = plan_setup(make_host("ubuntu-24.04", "nvidia-blackwell", driver="550.144.03", missing=False, engine=None))
    assert remedies(plan) == ["build-headers", "nvidia-driver"]
    assert "the installed driver does not support sm_120: 550.144.03" in plan.parts[1].reason


def test_modules_of_a_kind_that_the_card_does_not_take_are_replaced(make_host: MakeHost) -> None:
    facts = make_host("ubuntu-24.04", "nvidia-blackwell", missing=False, engine=None)
    stack = Stack(vendor="nvidia", driver="580.95.05", driver_kind="proprietary")
    plan = plan_setup(msgspec.structs.replace(facts, stacks=(stack,)))
    assert remedies(plan) == ["build-headers", "nvidia-driver"]
    assert "the installed kernel modules do not serve sm_120: proprietary" in plan.parts[1].reason
    fits = msgspec.structs.replace(stack, driver_kind="open")
    assert remedies(plan_setup(msgspec.structs.replace(facts, stacks=(fits,)))) == []


def test_windows_numbers_of_drivers_are_not_held_against_linux_branches(make_host: MakeHost) -> None:
    facts = make_host("ubuntu-24.04", "nvidia-blackwell", driver="566.36", missing=False, engine=None)
    wsl = OperatingSystem(system="linux", id="ubuntu", version="24.04", wsl=True)
    assert remedies(plan_setup(msgspec.structs.replace(facts, os=wsl))) == []


def test_a_card_that_the_table_does_not_know_gets_steps_without_a_branch(make_host: MakeHost) -> None:
    unknown = Device(vendor="nvidia", index=0, pci_id="10de:ffff", usable=False)
    plan = plan_setup(make_host("ubuntu-24.04", unknown, engine=None))
    assert remedies(plan) == ["build-headers", "nvidia-driver"]
    assert plan.parts[1].commands == ()
    assert "https://www.nvidia.com/en-us/drivers/unix/" in plan.parts[1].sentences[0]


def test_nodes_that_this_user_may_not_open_ask_for_their_groups_and_a_login(make_host: MakeHost) -> None:
    card = Device(vendor="amd", index=0, nodes=("/dev/dri/renderD128",), node_groups=(992,))
    facts = make_host("ubuntu-24.04", card, driver="6.10.5", missing=False)
    denied = Finding(
        id="nodes-inaccessible",
        severity=Severity.ERROR,
        fact="devices[0]",
        evidence="/dev/kfd cannot be opened for reading and writing",
        cause="not in the group",
    )
    plan = plan_setup(msgspec.structs.replace(facts, findings=(denied,)))
    assert remedies(plan) == ["join-owning-groups"]
    assert "stat -c %G /dev/kfd /dev/dri/renderD128 |" in plan.parts[0].commands[0]
    assert (plan.restart, plan.afterwards) == ("login", ("envkit detect",))


def test_only_one_vendor_is_looked_at_when_it_is_named(make_host: MakeHost) -> None:
    facts = make_host("ubuntu-24.04", "amd", "intel")
    assert remedies(plan_setup(facts)) == ["amd-driver", "intel-driver"]
    assert remedies(plan_setup(facts, only="intel")) == ["intel-driver"]


def test_what_is_asked_for_is_added_and_an_unknown_id_refused(make_host: MakeHost) -> None:
    plan = plan_setup(make_host("ubuntu-24.04", missing=False), extra=("nvidia-container-toolkit",))
    assert [(part.remedy, part.reason) for part in plan.parts] == [("nvidia-container-toolkit", "asked for")]
    with pytest.raises(UsageError, match="nvidia-containers"):
        plan_setup(make_host("ubuntu-24.04"), extra=("nvidia-containers",))


def test_a_distribution_without_own_steps_has_no_family(make_host: MakeHost) -> None:
    assert plan_setup(make_host("ubuntu-24.04")).family == "ubuntu"
    unknown = msgspec.structs.replace(make_host("arch", "intel"), os=OperatingSystem(system="linux", id="gentoo"))
    plan = plan_setup(unknown)
    assert (plan.family, plan.system, remedies(plan)) == (None, "gentoo", ["intel-driver"])


def test_what_setting_up_does_not_mend_is_told(make_host: MakeHost) -> None:
    facts = make_host("ubuntu-24.04", AMPERE, driver="595.45.04", missing=False, engine=None)
    finding = Finding(
        id="driver-vfio",
        severity=Severity.ERROR,
        fact="devices[0]",
        evidence="the driver is vfio-pci",
        cause="reserved",
    )
    plan = plan_setup(msgspec.structs.replace(facts, findings=(finding,)))
    assert remedies(plan) == []
    assert plan.notes == ("not dealt with here: the driver is vfio-pci (envkit explain driver-vfio)",)


def test_another_system_needs_nothing(make_host: MakeHost) -> None:
    mac = msgspec.structs.replace(make_host("arch", "amd"), os=OperatingSystem(system="darwin"))
    assert remedies(plan_setup(mac)) == []


def test_in_a_container_everything_is_left_to_its_host(make_host: MakeHost) -> None:
    facts = make_host("ubuntu-24.04", "nvidia-blackwell")
    inside = OperatingSystem(system="linux", id="ubuntu", version="24.04", container="docker")
    plan = plan_setup(msgspec.structs.replace(facts, os=inside))
    assert [command for part in plan.parts for command in part.commands] == []
    assert all("host of this container" in part.sentences[0] for part in plan.parts)
