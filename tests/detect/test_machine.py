"""Operating system, processor and memory, from recorded files."""

from collections.abc import Callable
from pathlib import Path

import pytest

from envkit.detect.machine import detect_system
from envkit.detect.processor import detect_processor, total_memory_mib
from envkit.model.host import Libc
from envkit.system.live import LiveHost
from envkit.system.replay import FolderHost

Write = Callable[[dict[str, str]], FolderHost]
SECURE_BOOT = "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
LINUX = {"etc/os-release": "ID=debian\n"}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def files(contents: dict[str, str], recordings: object = ()) -> FolderHost:
        for path, text in contents.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        return FolderHost(tmp_path, recordings)

    return files


def test_quoted_and_bare_values_of_os_release(write: Write) -> None:
    text = '# comment\nID="kylin"\nVERSION_ID=\'V10\'\nPRETTY_NAME="Kylin V10 (Lance)"\nbroken line\n'
    system = detect_system(write({"etc/os-release": text}))
    assert system is not None
    assert (system.id, system.version, system.name, system.id_like) == ("kylin", "V10", "Kylin V10 (Lance)", ())


def test_nothing_recorded_is_no_operating_system(write: Write) -> None:
    assert detect_system(write({})) is None
    assert detect_processor(write({})) is None
    assert total_memory_mib(write({})) is None


@pytest.mark.parametrize(
    ("files", "container"),
    [
        ({".dockerenv": ""}, "docker"),
        ({"run/.containerenv": 'engine="podman-4.9"'}, "podman"),
        ({"run/systemd/container": "lxc\n"}, "lxc"),
        ({"proc/1/cgroup": "12:memory:/kubepods/besteffort/pod1\n"}, "kubernetes"),
        ({"proc/1/cgroup": "0::/init.scope\n"}, None),
        ({}, None),
    ],
)
def test_containers_are_recognised(write: Write, files: dict[str, str], container: str | None) -> None:
    system = detect_system(write(LINUX | files))
    assert system is not None
    assert system.container == container


@pytest.mark.parametrize(("value", "on"), [("\x01", True), ("\x00", False)])
def test_secure_boot_is_the_last_byte_of_the_firmware_variable(write: Write, value: str, on: bool) -> None:  # noqa: FBT001 - a case
    system = detect_system(write(LINUX | {SECURE_BOOT: f"\x06\x00\x00\x00{value}"}))
    assert system is not None
    assert system.secure_boot is on


def test_secure_boot_is_unknown_inside_a_container(write: Write) -> None:
    state = [{"path": "/sys/firmware/efi", "exists": False}]
    outside = detect_system(write(LINUX | {"sys/firmware/acpi/x": ""}, state))
    inside = detect_system(write({".dockerenv": ""}, state))
    assert outside is not None
    assert inside is not None
    assert (outside.secure_boot, inside.secure_boot) == (False, None)


def test_musl_is_recognised_by_its_loader(write: Write) -> None:
    recordings = [{"command": "/lib/ld-musl-x86_64.so.1", "file": "loader.txt", "exit_code": 127}]
    files = {"etc/os-release": "ID=alpine\n", "lib/ld-musl-x86_64.so.1": "", "loader.txt": "musl libc\nVersion 1.2.5\n"}
    system = detect_system(write(files, recordings))
    assert system is not None
    assert system.libc == Libc(family="musl", version="1.2.5")


def test_the_kernel_of_wsl_names_its_maker(write: Write) -> None:
    version = "Linux version 5.15.167.4-microsoft-standard-WSL2 (root@x)"
    system = detect_system(write(LINUX | {"proc/version": version}))
    assert system is not None
    assert (system.kernel, system.wsl) == ("5.15.167.4-microsoft-standard-WSL2", True)


V2 = "lm cx16 lahf_lm mmx sse sse2 pni ssse3 sse4_1 sse4_2 popcnt"
V3 = f"{V2} avx avx2 bmi1 bmi2 f16c fma abm movbe xsave"


@pytest.mark.parametrize(("flags", "level"), [("lm mmx sse sse2", "x86_64"), (V2, "x86_64_v2"), (V3, "x86_64_v3")])
def test_the_level_is_the_newest_whose_features_are_all_there(write: Write, flags: str, level: str) -> None:
    cpu = detect_processor(write({"proc/cpuinfo": f"processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: {flags}\n"}))
    assert cpu is not None
    assert (cpu.architecture, cpu.vendor, cpu.level, cpu.threads) == ("x86_64", "GenuineIntel", level, 1)
    assert ("avx2" in (cpu.features or ())) == ("avx2" in flags)


def test_cores_of_several_sockets_are_counted_once(write: Write) -> None:
    rows = [(socket, core) for socket in (0, 1) for core in (0, 1) for _ in (0, 1)]
    text = "\n\n".join(
        f"processor : {number}\nphysical id : {socket}\ncore id : {core}\nflags : lm"
        for number, (socket, core) in enumerate(rows)
    )
    nodes = {f"sys/devices/system/node/node{number}/cpulist": "" for number in (0, 1)}
    cpu = detect_processor(write({"proc/cpuinfo": text, "sys/devices/system/node/online": "0-1"} | nodes))
    assert cpu is not None
    assert (cpu.cores, cpu.threads, cpu.numa_nodes) == (4, 8, 2)


def test_an_arm_processor_has_its_architecture_as_level(write: Write) -> None:
    text = "processor : 0\nFeatures : fp asimd sve\nCPU implementer : 0x48\n"
    cpu = detect_processor(write({"proc/cpuinfo": text}))
    assert cpu is not None
    assert (cpu.architecture, cpu.vendor, cpu.level) == ("aarch64", "HiSilicon", "aarch64")
    assert "sve" in (cpu.features or ())


def test_this_machine_knows_its_kernel_libc_and_processor() -> None:
    host = LiveHost()
    system, cpu = detect_system(host), detect_processor(host)
    assert system is not None
    assert cpu is not None
    assert system.kernel == host.machine().kernel
    assert system.libc is not None
    assert cpu.level
    assert (total_memory_mib(host) or 0) > 100
