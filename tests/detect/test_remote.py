"""The machine of a daemon elsewhere, detected through an agent and its facts put where they belong."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from envkit.detect import detect_host
from envkit.detect.docker_endpoint import Endpoint
from envkit.detect.present import describe_host
from envkit.detect.remote import base_images, detect_there, look_at_daemon_hosts
from envkit.model.host import ContainerEngine, Cpu, HostFacts, OperatingSystem
from envkit.system.command import Command
from envkit.system.live import LiveHost
from envkit.system.remote import RemoteHost, agent_arguments
from envkit.system.replay import FolderHost

ROOT = Path(__file__).resolve().parents[2]
HOSTS = ROOT / "tests" / "hosts"
EIGHT = tuple(f"0000:{bus:02x}:00.0" for bus in (0x18, 0x2A, 0x3A, 0x5D, 0x9A, 0xAB, 0xBA, 0xDB))
HERE = HostFacts(
    os=OperatingSystem(system="linux", id="debian", version="12"), cpu=Cpu(architecture="aarch64"), devices=()
)


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """Eight H100 with their driver, as their kernel shows them."""
    root = tmp_path / "box"
    shutil.copytree(
        HOSTS / "ubuntu-nvidia-v100-a100", root, ignore=shutil.ignore_patterns("0000:*", "*.yaml", "*.json")
    )
    for minor, address in enumerate(EIGHT):
        bus = root / "sys" / "bus" / "pci" / "devices" / address
        card = root / "proc" / "driver" / "nvidia" / "gpus" / address
        for folder in (bus, card):
            folder.mkdir(parents=True)
        (bus / "uevent").write_text(f"DRIVER=nvidia\nPCI_CLASS=30200\nPCI_ID=10DE:2330\nPCI_SLOT_NAME={address}\n")
        (card / "information").write_text(f"Model: \t\t NVIDIA H100 80GB HBM3\nDevice Minor: \t {minor}\n")
        (root / "dev").mkdir(exist_ok=True)
        (root / "dev" / f"nvidia{minor}").touch()
    for name in ("nvidiactl", "nvidia-uvm"):
        (root / "dev" / name).touch()
    return root


@pytest.fixture
def there(box: Path) -> Iterator[RemoteHost]:
    argv = (sys.executable, *agent_arguments(), "--root", str(box))
    host = RemoteHost(Command(argv=argv, timeout_seconds=20.0))
    yield host
    assert host.close()


def test_eight_devices_of_another_machine_are_detected_as_from_its_own_files(box: Path, there: RemoteHost) -> None:
    facts = detect_there(there).facts
    assert facts is not None
    own = detect_host(FolderHost(box), data_directory="/")
    assert len(facts.devices or ()) == 8
    assert {device.architecture for device in facts.devices or ()} == {"sm_90"}
    assert [device.name for device in facts.devices or ()] == [device.name for device in own.devices or ()]
    assert [device.pci_address for device in facts.devices or ()] == list(EIGHT)
    assert [device.memory_mib for device in facts.devices or ()] == [device.memory_mib for device in own.devices or ()]
    # A recording knows of few files whether they exist.
    assert facts.stacks == tuple(
        msgspec.structs.replace(stack, files=there_now.files)
        for stack, there_now in zip(own.stacks or (), facts.stacks or (), strict=True)
    )
    assert [(stack.files or {}).get("/dev/nvidiactl") for stack in facts.stacks or ()] == [True]
    assert facts.os is not None
    assert own.os is not None
    assert (facts.os.id, facts.os.version, facts.os.name) == (own.os.id, own.os.version, own.os.name)
    assert (facts.engines, facts.pythons) == (None, None)


def test_an_agent_that_goes_away_leaves_no_half_of_the_devices(box: Path) -> None:
    """The first answers are good, then the connection breaks."""
    program = agent_arguments()[-1].replace("    while True:", "    for _ in range(2):")
    host = RemoteHost(Command(argv=(sys.executable, "-c", program, "--root", str(box)), timeout_seconds=20.0))
    look = detect_there(host)
    host.close()
    assert (look.facts, look.failure) == (None, "ended without a word")


def remote(**fields: object) -> ContainerEngine:
    usual = {"name": "docker", "endpoint": "ssh://gpu-box", "usable": True, "elsewhere": True}
    return ContainerEngine(**{**usual, **fields})  # type: ignore[arg-type]


def test_containers_get_the_facts_of_the_daemons_machine(there: RemoteHost) -> None:
    far = detect_there(there).facts
    podman = ContainerEngine(name="podman", usable=True)
    facts = HostFacts(os=HERE.os, cpu=HERE.cpu, devices=(), engines=(remote(host=far), podman))
    seen = facts.for_engine("docker")
    assert far is not None
    assert (seen.devices, seen.stacks, seen.os, seen.cpu) == (far.devices, far.stacks, far.os, far.cpu)
    assert seen.engines == facts.engines
    assert seen.for_engine("docker") == seen
    assert facts.for_engine("native") == facts.for_engine("podman") == facts.for_engine(None) == facts


def test_the_text_says_which_machine_counts(there: RemoteHost) -> None:
    text = describe_host(HostFacts(devices=(), engines=(remote(host=detect_there(there).facts),)))
    mark = "docker's daemon runs on another machine (ssh://gpu-box): its devices count for containers"
    before, _, after = text.partition(mark)
    assert "H100" not in before
    assert "8 \N{MULTIPLICATION SIGN} NVIDIA H100 80GB HBM3" in after


def test_a_daemon_that_does_not_answer_is_a_finding_and_its_devices_are_unknown() -> None:
    engine = remote(usable=False, reason="the daemon does not answer at ssh://gpu-box (DOCKER_HOST): timed out")
    facts = look_at_daemon_hosts(LiveHost(), HostFacts(os=HERE.os, devices=(), engines=(engine,)))
    finding = facts.findings[-1]
    assert (finding.id, finding.fact) == ("engine-remote-unseen", "engines[0]")
    assert finding.evidence.endswith("timed out")
    assert f"docker pull {base_images()[0]}" in finding.remedy
    assert facts.devices == ()
    seen = facts.for_engine("docker")
    assert (seen.devices, seen.os, seen.cpu) == (None, None, None)
    assert seen.gaps[0].fact == "devices"
    assert "nothing is known of it: the daemon does not answer" in " ".join(describe_host(facts).split())


def docker_command(folder: Path, script: str) -> str:
    command = folder / "docker"
    command.write_text(f"#!/bin/sh\n{script}\n")
    command.chmod(0o755)
    return str(command)


def test_an_engine_that_refuses_the_container_says_why(tmp_path: Path) -> None:
    client = docker_command(tmp_path, "echo 'docker: Error response from daemon: authorization denied' >&2; exit 125")
    facts = look_at_daemon_hosts(LiveHost(), HostFacts(engines=(remote(client=client, version="28.0"),)))
    assert "authorization denied" in facts.findings[-1].evidence


def test_other_base_images_serve_before_one_is_pulled(tmp_path: Path, box: Path) -> None:
    other = base_images()[2]
    client = docker_command(
        tmp_path,
        f"""echo "$1" >>{tmp_path}/asked
case "$1" in
  image) echo {other}; exit ;;
  run) case "$*" in *{other}*) ;; *) echo "docker: No such image: x" >&2; exit 125 ;; esac ;;
  *) exit 1 ;;
esac
while [ "$1" != -I ]; do shift; done
exec {sys.executable} "$1" "$2" "$3" --root {box}""",
    )
    facts = look_at_daemon_hosts(LiveHost(), HostFacts(engines=(remote(client=client, version="28.0"),)))
    engine = (facts.engines or ())[0]
    assert engine.host is not None
    assert len(engine.host.devices or ()) == 8
    assert engine.host.evidence[-1].source == f"container of {other}, docker at ssh://gpu-box"
    assert (tmp_path / "asked").read_text().split() == ["run", "image", "run"]


def test_the_preferred_image_is_pulled_where_the_daemon_has_none(tmp_path: Path, box: Path) -> None:
    client = docker_command(
        tmp_path,
        f"""case "$1" in
  image) echo other:latest; exit ;;
  pull) echo "$3" >{tmp_path}/pulled; exit ;;
esac
[ -e {tmp_path}/pulled ] || {{ echo "docker: No such image: x" >&2; exit 125; }}
while [ "$1" != -I ]; do shift; done
exec {sys.executable} "$1" "$2" "$3" --root {box}""",
    )
    facts = look_at_daemon_hosts(LiveHost(), HostFacts(engines=(remote(client=client, version="28.0"),)))
    assert (tmp_path / "pulled").read_text().strip() == base_images()[0]
    assert facts.findings == ()
    assert (facts.engines or ())[0].host is not None


def test_an_image_that_cannot_be_pulled_is_a_finding(tmp_path: Path) -> None:
    client = docker_command(
        tmp_path,
        'case "$1" in run) echo "No such image: x" >&2; exit 125 ;; pull) echo "no route to host" >&2; exit 1 ;; esac',
    )
    facts = look_at_daemon_hosts(LiveHost(), HostFacts(engines=(remote(client=client, version="28.0"),)))
    assert f"cannot pull {base_images()[0]}: no route to host" in facts.findings[-1].evidence


def test_a_container_that_does_not_end_is_removed_by_its_name(tmp_path: Path) -> None:
    client = docker_command(
        tmp_path,
        f"""echo "$*" | head -n 1 | cut -c -60 >>{tmp_path}/asked
[ "$1" = run ] || exit 0
echo 'not an answer'
exec sleep 60""",
    )
    look_at_daemon_hosts(LiveHost(), HostFacts(engines=(remote(client=client, version="28.0"),)))
    run, remove = (tmp_path / "asked").read_text().splitlines()
    assert remove == f"rm --force {run.split()[2]}"


@pytest.mark.parametrize(
    ("address", "elsewhere"),
    [
        ("unix:///var/run/docker.sock", False),
        ("npipe:////./pipe/docker_engine", False),
        ("tcp://127.0.0.1:2375", False),
        ("tcp://localhost:2375", False),
        ("tcp://[::1]:2375", False),
        ("tcp://10.0.0.7:2376", True),
        ("ssh://user@gpu-box", True),
        ("tcp://127.example.org:2375", True),
        ("tcp://[broken", False),
        ("", False),
    ],
)
def test_an_address_tells_where_the_daemon_runs(address: str, elsewhere: bool) -> None:  # noqa: FBT001 - a column
    assert Endpoint(address=address, origin="DOCKER_HOST").elsewhere is elsewhere


def test_detection_on_this_machine_loads_nothing_of_this(tmp_path: Path) -> None:
    program = "import sys\nfrom envkit.cli.hostfile import live_facts\nlive_facts()\nprint(*sys.modules)"
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, env=environment, cwd=ROOT
    )
    assert not [name for name in done.stdout.split() if name.startswith("envkit") and "remote" in name]
    assert "envkit.detect.host" in done.stdout.split()
