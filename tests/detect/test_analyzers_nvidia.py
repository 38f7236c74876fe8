"""What is found wrong with kernel modules and with NVIDIA; each finding's own host is in `tests/hosts`."""

import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from envkit.data import load_findings, load_remedy, load_vendors
from envkit.data.documents import load_document
from envkit.detect.analyzers.nvidia_places import check_requirement
from envkit.detect.findings import make_finding
from envkit.detect.host import detect_host
from envkit.detect.remedies import remedy_steps
from envkit.detect.situation import Situation, judge_host
from envkit.detect.sources import kernel_modules
from envkit.detect.sources.kernel_log import read_kernel_log
from envkit.detect.sources.nvidia_nvml import ask_nvml
from envkit.model.host import Device, HostFacts, OperatingSystem, Runtime, Severity, Stack
from envkit.system.command import Command, Completed, run_command
from envkit.system.replay import FolderHost

HERE = Path(__file__).resolve().parent
HOSTS = HERE.parent / "hosts"
GROUPS = {group.name: group for group in load_findings() if group.name in ("kernel", "nvidia")}
OURS = {row.id for group in GROUPS.values() for row in group.findings}
KERNEL = "6.8.0-60-generic"
NAMES = ("nvidia", "nvidia_current")


def documents() -> Iterable[tuple[Path, dict]]:
    for path in sorted(HOSTS.glob("*/host.yaml")):
        document = load_document(path.read_text(), str(path))
        assert isinstance(document, dict)
        yield path.parent, document


HEALTHY = [
    pytest.param(folder, document, id=folder.name)
    for folder, document in documents()
    if document["expect"].get("findings") == [] and "nvidia" in folder.name
]


class ListeningHost(FolderHost):
    """A recorded machine that remembers which commands were asked for."""

    def __init__(self, root: Path, recordings: object = ()) -> None:
        super().__init__(root, recordings)
        self.ran: list[str] = []

    def run(self, command: Command) -> Completed:
        self.ran.append(command.argv[0])
        return super().run(command)


@pytest.fixture
def machine(tmp_path: Path) -> Callable[..., FolderHost]:
    """Write files below a folder and return the machine that it is."""

    def write(files: dict[str, str], recordings: object = ()) -> FolderHost:
        for path, text in files.items():
            place = tmp_path / path.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        return FolderHost(tmp_path, recordings)

    return write


def test_every_finding_of_kernel_modules_and_nvidia_has_a_host() -> None:
    expected = {name for _, document in documents() for name in document["expect"].get("findings") or ()}
    assert not OURS - expected


@pytest.mark.parametrize(("folder", "document"), HEALTHY)
def test_the_kernel_log_of_a_healthy_host_is_not_read(folder: Path, document: dict) -> None:
    host = ListeningHost(folder, document.get("recordings", []))
    assert not detect_host(host, data_directory="/x").findings
    assert not {"dmesg", "journalctl", "modinfo"} & set(host.ran)


@pytest.mark.parametrize(
    "folder", sorted(path.parent for path in HOSTS.glob("*nvidia*/host.yaml")), ids=lambda f: f.name
)
def test_a_device_has_one_error_as_its_explanation(folder: Path, recorded: Callable) -> None:
    facts = recorded(folder).facts()
    errors = [finding.fact for finding in facts.findings if finding.severity == Severity.ERROR]
    assert len(errors) == len(set(errors))
    broken = [device.usable for place, device in enumerate(facts.devices or ()) if f"devices[{place}]" in errors]
    assert not any(broken), "a device that an error is about cannot be used"


def test_a_finding_that_says_more_takes_the_place_of_one_that_says_less(machine: Callable) -> None:
    host = machine(
        {"proc/version": f"Linux version {KERNEL} (a)"}, [{"path": f"/lib/modules/{KERNEL}", "exists": False}]
    )
    system = OperatingSystem(system="linux", kernel=KERNEL)
    facts = HostFacts(
        os=system,
        devices=(Device(vendor="amd", pci_address="0000:03:00.0"), Device(vendor="nvidia", usable=True)),
        findings=(
            make_finding("driver-missing", "devices[0]", "no driver bound", system=system),
            make_finding("nodes-inaccessible", "devices[0]", "denied", system=system, node="/dev/kfd"),
        ),
    )
    judged = judge_host(host, facts, None)
    assert [finding.id for finding in judged.findings] == ["nodes-inaccessible", "kernel-replaced"]
    assert [device.usable for device in judged.devices or ()] == [False, True]


def test_what_a_finding_replaces_exists() -> None:
    known = {row.id for group in load_findings() for row in group.findings}
    assert {name for group in load_findings() for row in group.findings for name in row.replaces} <= known


@pytest.mark.parametrize(
    ("identity", "command"),
    [
        (("ubuntu", ("debian",)), f"linux-headers-{KERNEL}"),
        (("debian", ()), f"linux-headers-{KERNEL}"),
        (("fedora", ()), f"kernel-devel-{KERNEL}"),
        (("rocky", ("rhel",)), f"kernel-devel-{KERNEL}"),
        (("anolis", ()), f"kernel-devel-{KERNEL}"),
        (("kos", ()), f"kernel-devel-{KERNEL}"),
        (("openEuler", ()), f"kernel-devel-{KERNEL}"),
        (("kylin", ()), f"kernel-devel-{KERNEL}"),
        (("sles", ()), "kernel-default-devel"),
        (("arch", ()), "linux-headers"),
    ],
)
def test_headers_are_installed_as_the_distribution_names_them(identity: tuple, command: str) -> None:
    system = OperatingSystem(system="linux", id=identity[0], id_like=identity[1], kernel=KERNEL)
    (*_, step) = remedy_steps(system, ("kernel-headers",), {})
    assert step.startswith("sudo")
    assert command in step


@pytest.mark.parametrize(
    "name", sorted({name for group in GROUPS.values() for row in group.findings for name in row.remedies})
)
def test_a_remedy_has_steps_on_every_system(name: str) -> None:
    assert "any" in load_remedy(name).steps


def test_modules_of_vendors_are_spelled_as_the_kernel_does() -> None:
    names = [name for vendor in load_vendors() for name in vendor.kernel_modules]
    assert "nvidia" in names
    assert [kernel_modules.normal(name) for name in names] == names


def test_the_kernel_log_is_read_without_its_times(machine: Callable) -> None:
    text = "[    5.559842] NVRM: The NVIDIA GPU\n               NVRM: installed\n[91011.2] x\n"
    host = machine({"dmesg.txt": text}, [{"command": "dmesg", "file": "dmesg.txt", "exit_code": 0}])
    assert read_kernel_log(host) == ("NVRM: The NVIDIA GPU", "NVRM: installed", "x")


def test_the_journal_is_read_where_dmesg_is_kept_for_root(machine: Callable) -> None:
    journal = "journalctl --dmesg --boot --quiet --no-pager --output=cat"
    rows = [{"command": "dmesg", "exit_code": 1}, {"command": journal, "file": "journal.txt", "exit_code": 0}]
    assert read_kernel_log(machine({"journal.txt": "NVRM: x\n"}, rows)) == ("NVRM: x",)
    assert read_kernel_log(machine({}, rows[:1])) is None


@pytest.mark.parametrize(
    ("told", "found"),
    [
        ({"nvidia": "/lib/modules/a/nvidia.ko.zst\n", "nvidia_current": None}, "/lib/modules/a/nvidia.ko.zst"),
        ({"nvidia": None, "nvidia_current": "/lib/modules/a/nvidia-current.ko\n"}, "/lib/modules/a/nvidia-current.ko"),
        ({"nvidia": None, "nvidia_current": None}, ""),
        ({"nvidia": None}, None),
        ({"nvidia": "(builtin)\n", "nvidia_current": None}, None),
    ],
)
def test_a_module_is_asked_of_the_kernel(told: dict, found: str | None, machine: Callable) -> None:
    files = {f"{name}.txt": text for name, text in told.items() if text is not None}
    rows = [
        {"command": f"modinfo -k {KERNEL} -F filename {name}", "exit_code": 1}
        if text is None
        else {"command": f"modinfo -k {KERNEL} -F filename {name}", "exit_code": 0, "file": f"{name}.txt"}
        for name, text in told.items()
    ]
    assert kernel_modules.module_file(machine(files, rows), KERNEL, NAMES) == found


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("etc/modprobe.d/a.conf", "# off\n blacklist  nvidia \n", "/etc/modprobe.d/a.conf: blacklist  nvidia"),
        ("lib/modprobe.d/a.conf", "install nvidia /bin/true\n", "/lib/modprobe.d/a.conf: install nvidia /bin/true"),
        ("proc/cmdline", "quiet module_blacklist=nvidia ro\n", "/proc/cmdline: module_blacklist=nvidia"),
        ("proc/cmdline", "modprobe.blacklist=a,nvidia\n", "/proc/cmdline: modprobe.blacklist=a,nvidia"),
        ("etc/modprobe.d/a.conf", "install nvidia modprobe -i nvidia-current $CMDLINE_OPTS\n", None),
        ("etc/modprobe.d/a.conf", "#blacklist nvidia\nblacklist nvidiafb\nblacklist nouveau\n", None),
        ("etc/modprobe.d/a.conf.bak", "blacklist nvidia\n", None),
        ("proc/cmdline", "rd.driver.blacklist=nvidia\n", None),
    ],
)  # fmt: skip
def test_a_setting_that_keeps_a_module_out_is_told_from_others(
    path: str, text: str, found: str | None, machine: Callable
) -> None:
    assert kernel_modules.kept_out(machine({path: text}), NAMES) == found


def test_a_package_of_dkms_beside_the_driver_is_not_taken_for_it(machine: Callable) -> None:
    log = f"DKMS make.log for nvidia-fs-2.25.7 for kernel {KERNEL} (x86_64)\n"
    host = machine(
        {
            "usr/src/nvidia-fs-2.25.7/dkms.conf": 'BUILT_MODULE_NAME[0]="nvidia-fs"\n',
            "var/lib/dkms/nvidia-fs/2.25.7/build/make.log": log,
            "var/lib/dkms/nvidia-current/535.183.01/6.1.0-25-amd64/x86_64/module/nvidia-current.ko": "",
        }
    )
    (package,) = kernel_modules.dkms_packages(host, KERNEL, NAMES)
    assert (package.name, package.kernels, package.failure) == ("nvidia-current", ("6.1.0-25-amd64",), None)


def test_the_log_of_a_build_for_another_kernel_says_nothing_of_this_one(machine: Callable) -> None:
    log = "DKMS (dkms-3.1.5) make.log for nvidia/570.86.10 for kernel 6.8.0-45-generic (x86_64)\nx.c:1: error: no\n"
    host = machine({"var/lib/dkms/nvidia/570.86.10/build/make.log": log})
    assert kernel_modules.dkms_packages(host, KERNEL, NAMES)[0].failure is None
    failure = kernel_modules.dkms_packages(host, "6.8.0-45-generic", NAMES)[0].failure
    assert failure == ("/var/lib/dkms/nvidia/570.86.10/build/make.log", "x.c:1: error: no")


@pytest.mark.parametrize(
    ("required", "met"),
    [
        ("cuda>=12.8", True),
        ("cuda>=12.9", False),
        ("cuda>=12.10", False),
        ("cuda>=13.0 driver>=570,driver<571", True),
        ("cuda>=13.0 driver>=580,driver<581", False),
        ("cuda>=13.0 brand=tesla,driver>=535,driver<536", False),
        ("cuda>=13.0 brand=unknown,driver>=570,driver<571", True),
        ("arch>=7.0", True),
        ("nonsense", True),
    ],
)
def test_what_an_image_requires_is_compared_with_the_driver(required: str, met: bool, machine: Callable) -> None:  # noqa: FBT001 - a column of the table
    host = machine({}, [{"variable": "NVIDIA_REQUIRE_CUDA", "value": required}])
    stack = Stack(vendor="nvidia", driver="570.124.06", runtime_ceiling=Runtime(name="cuda", version="12.8"))
    inside = OperatingSystem(system="linux", container="docker")
    assert (check_requirement(Situation(host, HostFacts(os=inside, stacks=(stack,)))) == ()) is met
    assert check_requirement(Situation(host, HostFacts(os=OperatingSystem(system="linux"), stacks=(stack,)))) == ()


def test_a_mismatch_names_both_versions(recorded: Callable) -> None:
    (finding,) = recorded(HOSTS / "nvidia-driver-upgraded-under-module").facts().findings
    assert "580.95.05" in finding.evidence
    assert "570.124.06" in finding.evidence


class LibraryHost(FolderHost):
    """A machine whose NVML is the library of a folder, asked by the real child."""

    def variable(self, name: str) -> str | None:
        return str(self._root) if name == "LD_LIBRARY_PATH" else None

    def run(self, command: Command) -> Completed:
        return run_command(command)


@pytest.mark.parametrize("persistent", [0, 1])
def test_a_lost_card_does_not_hide_the_others(persistent: int, tmp_path: Path) -> None:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler `cc`: the stand-in cannot be compiled")
    library, source = tmp_path / "libnvidia-ml.so.1", HERE / "libraries" / "nvidia_ml.c"
    subprocess.run(
        [compiler, "-shared", "-fPIC", f"-DPERSISTENT={persistent}", "-o", str(library), str(source)], check=True
    )
    answer = ask_nvml(LibraryHost(tmp_path))
    assert [(device.pci_address, device.memory_mib) for device in answer.reading.devices] == [("0000:1b:00.0", 81559)]
    assert answer.reading.failure == "device 1: GPU is lost"
    assert answer.reading.driver == "570.124.06"
    assert answer.transient == (() if persistent else ("0000:1b:00.0",))
