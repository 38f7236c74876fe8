"""Vendors' management libraries, asked by the real children; stand-ins in C have the functions of the vendors' headers.

None of the children was ever run against a vendor's own library.
"""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from envkit.detect.by_tool import Form, ask_forms
from envkit.detect.facts import PciDevice, Surroundings, VendorFacts
from envkit.detect.pci import scan_pci
from envkit.detect.reading import Reading, Trouble
from envkit.detect.sources import amd_tools, hl_smi, hygon, iluvatar, thead
from envkit.detect.vendors import amd as amd_vendor
from envkit.detect.vendors import hygon as hygon_vendor
from envkit.detect.vendors import iluvatar as iluvatar_vendor
from envkit.detect.vendors import intel_gaudi as gaudi_vendor
from envkit.detect.vendors import thead as thead_vendor
from envkit.model.host import Runtime, Severity
from envkit.system.command import Command, Completed, run_command
from envkit.system.replay import FolderHost

HERE = Path(__file__).resolve().parent
HOSTS = HERE.parent / "hosts"
IXML = "iluvatar-mr-v100-imitated-nvidia-smi"
TOPOLOGY = "hygon-k100-ai-topology"
Build = Callable[..., Path]


class LibraryHost(FolderHost):
    """A recorded machine whose children really run, against the libraries of a folder."""

    def __init__(self, root: Path, libraries: Path, *, recordings: object = (), seconds: float = 20.0) -> None:
        super().__init__(root, recordings)
        self.libraries, self.seconds, self.ran = libraries, seconds, []

    def variable(self, name: str) -> str | None:
        return str(self.libraries) if name == "LD_LIBRARY_PATH" else super().variable(name)

    def run(self, command: Command) -> Completed:
        self.ran.append(Path(command.argv[3] if "-S" in command.argv else command.argv[0]).name)
        if "-S" not in command.argv:
            return super().run(command)
        return run_command(msgspec.structs.replace(command, timeout_seconds=self.seconds))


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Compile `libraries/NAME.c` with some definitions and return the folder of the library."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler `cc`: the stand-ins cannot be compiled")
    built: dict[tuple[str, ...], Path] = {}

    def compile_library(name: str, *definitions: str) -> Path:
        key = (name, *definitions)
        if key not in built:
            built[key] = tmp_path_factory.mktemp(name)
            library = built[key] / ("librocm_smi64.so" if name == "rocm_smi" else f"lib{name}.so")
            options = ["-shared", "-fPIC", *(f"-D{definition}" for definition in definitions)]
            subprocess.run([compiler, *options, "-o", str(library), str(HERE / "libraries" / f"{name}.c")], check=True)
        return built[key]

    return compile_library


def ask(form: Form, libraries: Path, *, seconds: float = 20.0) -> Reading:
    host = LibraryHost(libraries, libraries, seconds=seconds)
    (reading,) = ask_forms(Surroundings(host, None, None), (form,), lambda _: True, seen=True)
    return reading


def gaps(facts: VendorFacts) -> dict[str, str]:
    return {gap.source: gap.reason for gap in facts.gaps if gap.fact == "stacks[0]"}


def devices(reading: Reading) -> list[tuple[object, ...]]:
    return [
        (device.index, device.name, device.pci_address, device.pci_id, device.architecture, device.memory_mib)
        for device in reading.devices
    ]


IXML_FORM, HGML_FORM, HLML_FORM, AMD_FORM = iluvatar.FORMS[0], thead.FORMS[0], hl_smi.FORMS[0], amd_tools.FORMS[0]
AMD_SMI_FORM = amd_tools.FORMS[1]
HYGON_FORM = hygon.forms(FolderHost(HERE))[0]
HYGON = ("VENDOR=0x1d94", "DEVICE=0x6210", "BUS=0x0f", "OLD")


def test_ixml_tells_chips_and_driver_but_not_the_cuda_that_it_imitates(build: Build) -> None:
    reading = ask(IXML_FORM, build("ixml", "COUNT=2"))
    assert reading == Reading(source="libixml.so", devices=reading.devices, driver="4.4.0")
    assert devices(reading) == [
        (0, "Iluvatar MR-V100", "0000:15:00.0", "1e3e:0002", None, 32768),
        (1, "Iluvatar MR-V100", "0000:16:00.0", "1e3e:0002", None, 32768),
    ]


def test_hgml_tells_the_newest_hggc_of_the_driver(build: Build) -> None:
    reading = ask(HGML_FORM, build("hgml", "COUNT=2"))
    assert (reading.driver, reading.ceiling, reading.failure) == ("2.1.0-ra1f23041713", "12.3", None)
    assert devices(reading) == [
        (0, "PPU-ZW810E", "0001:a8:00.0", "1ded:6000", None, 98304),
        (1, "PPU-ZW810E", "0001:a7:00.0", "1ded:6000", None, 98304),
    ]


@pytest.mark.parametrize(("definitions", "driver"), [((), "1.22.1-97ec1a4"), (("OLD",), None)])
def test_hlml_tells_gaudi_and_newer_releases_the_driver(
    build: Build, definitions: tuple[str, ...], driver: str | None
) -> None:
    reading = ask(HLML_FORM, build("hlml", *definitions))
    assert (reading.driver, reading.failure) == (driver, None)
    assert devices(reading) == [(0, "HL-225", "0000:33:00.0", "1da3:1020", None, 98304)]


@pytest.mark.parametrize(
    ("target", "architecture"),
    [(942, "gfx942"), (9010, "gfx90a"), (1101, "gfx1101"), (90402, "gfx942"), (110001, "gfx1101"), (0, None)],
)
def test_rocm_smi_tells_amds_devices(build: Build, target: int, architecture: str | None) -> None:
    reading = ask(AMD_FORM, build("rocm_smi", f"TARGET={target}"))
    assert (reading.driver, reading.failure) == ("6.10.5", None)
    assert devices(reading) == [(0, "AMD Instinct MI999X", "0000:03:00.0", "1002:7fff", architecture, 65536)]


@pytest.mark.parametrize("definitions", [(), ("OLD",)])
def test_amd_smi_tells_amds_devices_in_both_forms_of_its_structures(build: Build, definitions: tuple[str, ...]) -> None:
    reading = ask(AMD_SMI_FORM, build("amd_smi", "COUNT=2", *definitions))
    assert (reading.driver, reading.failure) == ("6.12.12", None)
    assert devices(reading) == [
        (0, "AMD Instinct MI999X", "0001:03:00.0", "1002:7fff", None, 196608),
        (1, "AMD Instinct MI999X", "0001:04:00.0", "1002:7fff", None, 196608),
    ]


def test_hygons_rocm_smi_lacks_the_newer_functions_and_still_tells_its_devices(build: Build) -> None:
    reading = ask(HYGON_FORM, build("rocm_smi", *HYGON))
    assert (reading.driver, reading.failure) == ("6.10.5", None)
    assert devices(reading) == [(0, "K100_AI", "0000:0f:00.0", "1d94:6210", None, 65536)]


def test_one_makers_library_tells_nothing_of_the_other_makers_devices(build: Build) -> None:
    assert ask(AMD_FORM, build("rocm_smi", *HYGON)).failure == "tells of no device of the maker 1002"
    assert ask(HYGON_FORM, build("rocm_smi")).failure == "tells of no device of the maker 1d94"


def test_memory_is_told_by_the_questions_second_form_where_the_first_is_not_answered(build: Build) -> None:
    reading = ask(IXML_FORM, build("ixml", "SECOND_FORM_ONLY"))
    assert [device.memory_mib for device in reading.devices] == [32768]


def test_what_a_library_calls_unwell_is_a_trouble(build: Build) -> None:
    reading = ask(IXML_FORM, build("ixml", "COUNT=2", "UNWELL=1"))
    assert reading.troubles == (Trouble(index=1, said="ixmlDeviceGetHealth: 0x4", severity=Severity.WARNING),)


def test_a_device_that_is_lost_is_an_error(build: Build) -> None:
    lost = Trouble(index=1, said="the device is lost", severity=Severity.ERROR)
    for form, name in ((IXML_FORM, "ixml"), (HLML_FORM, "hlml")):
        reading = ask(form, build(name, "COUNT=2", "LOST=1"))
        assert reading.troubles == (lost,)
        assert [device.memory_mib is None for device in reading.devices] == [False, True]


LIBRARIES = pytest.mark.parametrize(
    ("form", "name"),
    [(IXML_FORM, "ixml"), (HGML_FORM, "hgml"), (HLML_FORM, "hlml"), (AMD_FORM, "rocm_smi"), (AMD_SMI_FORM, "amd_smi")],
    ids=["ixml", "hgml", "hlml", "rocm_smi", "amd_smi"],
)


@LIBRARIES
def test_a_library_that_crashes_is_a_failure_with_its_signal(build: Build, form: Form, name: str) -> None:
    reading = ask(form, build(name, "CRASHES"))
    assert (reading.devices, reading.failure) == ((), "ended by signal 11")


@LIBRARIES
def test_a_library_that_ends_its_process_is_a_failure(build: Build, form: Form, name: str) -> None:
    assert ask(form, build(name, "ENDS")).failure == "no answer that can be read: printed nothing"


@LIBRARIES
def test_a_library_that_crashes_while_it_is_unloaded_has_answered(build: Build, form: Form, name: str) -> None:
    reading = ask(form, build(name, "CRASHES_LATE"))
    assert (len(reading.devices), reading.failure) == (1, None)


@LIBRARIES
def test_a_library_that_refuses_is_a_failure_with_its_status(build: Build, form: Form, name: str) -> None:
    reading = ask(form, build(name, "STATUS=9"))
    assert reading.devices == ()
    assert reading.failure is not None
    assert reading.failure.endswith(" returned 9")


@LIBRARIES
def test_a_library_that_hangs_costs_its_time_limit(build: Build, form: Form, name: str) -> None:
    assert ask(form, build(name, "HANGS"), seconds=0.5).failure == "timed out after 0.5 s"


@LIBRARIES
def test_what_a_library_prints_is_dropped(build: Build, form: Form, name: str) -> None:
    reading = ask(form, build(name, "FLOODS"))
    assert (len(reading.devices), reading.failure) == (1, None)


@LIBRARIES
def test_an_absurd_number_of_devices_is_not_believed(build: Build, form: Form, name: str) -> None:
    reading = ask(form, build(name, "COUNT=2000000000"))
    assert (reading.devices, reading.failure) == ((), "counts 2000000000 devices, which cannot be")


@LIBRARIES
def test_texts_and_sizes_that_are_none_are_not_known(build: Build, form: Form, name: str) -> None:
    reading = ask(form, build(name, "GARBLES"))
    assert (reading.driver, reading.failure) == (None, None)
    assert [(device.name, device.memory_mib) for device in reading.devices] == [(None, None)]


@LIBRARIES
def test_a_library_of_another_kind_under_the_same_name_is_a_failure(
    build: Build, tmp_path: Path, form: Form, name: str
) -> None:
    # The UPnP library of many distributions has a libixml.so as well.
    (own,) = build(name).iterdir()
    (other,) = build("upnp").iterdir()
    shutil.copy(other, tmp_path / own.name)
    assert "init" in (ask(form, tmp_path).failure or "").lower()


def test_a_library_that_is_missing_is_a_failure_in_the_loaders_words(tmp_path: Path) -> None:
    failure = ask(HGML_FORM, tmp_path).failure
    assert failure == "libhgml.so: cannot open shared object file: No such file or directory"


def iluvatar_host(libraries: Path, **options: float) -> LibraryHost:
    recordings = [{"file": "ixsmi.txt", "command": "ixsmi", "exit_code": 0}]
    return LibraryHost(HOSTS / IXML, libraries, recordings=recordings, **options)


def detect_iluvatar(host: LibraryHost) -> VendorFacts:
    return iluvatar_vendor.detect(Surroundings(host, None, scan_pci(host)[0]))


def test_where_the_library_tells_all_the_tool_is_not_asked(build: Build) -> None:
    host = iluvatar_host(build("ixml"))
    facts = detect_iluvatar(host)
    assert host.ran == ["ixml.py"]
    (device,) = facts.devices
    assert (device.name, device.memory_mib, device.usable) == ("Iluvatar MR-V100", 32768, True)
    sources = {evidence.fact: evidence.source for evidence in facts.evidence}
    assert sources["devices[0].memory_mib"] == sources["stacks[0].driver"] == "libixml.so"
    assert gaps(facts) == {}


@pytest.mark.parametrize(
    ("definition", "reason"),
    [("CRASHES", "ended by signal 11"), ("COUNT=2000000000", "counts 2000000000 devices, which cannot be")],
)
def test_where_the_library_fails_the_tool_answers_and_a_gap_is_left(build: Build, definition: str, reason: str) -> None:
    host = iluvatar_host(build("ixml", definition))
    facts = detect_iluvatar(host)
    assert host.ran == ["ixml.py", "ixsmi"]
    assert [(device.name, device.memory_mib) for device in facts.devices] == [("Iluvatar MR-V100", 32768)]
    assert gaps(facts) == {"libixml.so": reason}


def test_where_the_library_hangs_the_tool_is_not_asked_and_the_device_is_still_told(build: Build) -> None:
    host = iluvatar_host(build("ixml", "HANGS"), seconds=0.5)
    facts = detect_iluvatar(host)
    assert host.ran == ["ixml.py"]
    assert [device.pci_address for device in facts.devices] == ["0000:15:00.0"]
    assert gaps(facts) == {"libixml.so": "timed out after 0.5 s"}


def test_a_device_where_the_bus_has_none_is_not_believed(build: Build) -> None:
    facts = detect_iluvatar(iluvatar_host(build("ixml", "COUNT=2", "UNWELL=1")))
    assert [device.pci_address for device in facts.devices] == ["0000:15:00.0"]
    assert facts.findings == ()
    assert gaps(facts) == {"libixml.so": "tells of a device where the bus has none: 0000:16:00.0"}


def test_a_device_that_its_library_calls_lost_cannot_be_used(build: Build) -> None:
    facts = detect_iluvatar(iluvatar_host(build("ixml", "LOST=0")))
    assert [device.usable for device in facts.devices] == [False]
    (finding,) = facts.findings
    assert (finding.id, finding.severity, finding.evidence) == (
        "device-unhealthy",
        Severity.ERROR,
        "libixml.so: the device is lost",
    )
    assert "ixsmi" in finding.remedy


def test_the_drivers_newest_hggc_is_the_runtime_ceiling(build: Build) -> None:
    card = PciDevice(address="0001:a8:00.0", vendor="1ded", device="6000", device_class="1200", driver="alixpu")
    host = LibraryHost(HERE, build("hgml"))
    facts = thead_vendor.detect(Surroundings(host, None, (card,)))
    assert facts.stack is not None
    assert facts.stack.runtime_ceiling == Runtime(name="hggc", version="12.3")
    assert [(device.name, device.memory_mib) for device in facts.devices] == [("PPU-ZW810E", 98304)]


def test_a_gaudi_of_an_unknown_id_is_named_by_its_library(build: Build) -> None:
    card = PciDevice(address="0000:33:00.0", vendor="1da3", device="ffff", device_class="1200", driver="habanalabs")
    host = LibraryHost(HERE, build("hlml"))
    facts = gaudi_vendor.detect(Surroundings(host, None, (card,)))
    assert host.ran == ["hlml.py"]
    assert [(device.name, device.memory_mib, device.usable) for device in facts.devices] == [("HL-225", 98304, True)]


def test_an_amd_card_of_an_unknown_id_is_named_by_its_library(build: Build) -> None:
    card = PciDevice(address="0000:03:00.0", vendor="1002", device="7fff", device_class="0380", driver="amdgpu")
    host = LibraryHost(HERE, build("rocm_smi"))
    facts = amd_vendor.detect(Surroundings(host, None, (card,)))
    assert host.ran == ["rocm_smi.py"]
    (device,) = facts.devices
    assert (device.vendor, device.name, device.architecture) == ("amd", "AMD Instinct MI999X", "gfx942")
    assert facts.stack is not None
    assert facts.stack.driver == "6.10.5"


def test_hygons_library_makes_no_amd_of_a_dcu_and_amds_no_dcu_of_a_radeon(build: Build) -> None:
    host = LibraryHost(HOSTS / TOPOLOGY, build("rocm_smi", *HYGON))
    around = Surroundings(host, None, scan_pci(host)[0])
    facts = hygon_vendor.detect(around)
    assert [(device.vendor, device.name) for device in facts.devices] == [("hygon", "K100_AI")]
    assert amd_vendor.detect(around) == VendorFacts()
    assert host.ran == ["rocm_smi.py"]
    radeon = PciDevice(address="0000:0f:00.0", vendor="1002", device="7fff", device_class="0380", driver="amdgpu")
    facts = amd_vendor.detect(Surroundings(host, None, (radeon,)))
    assert [(device.vendor, device.name) for device in facts.devices] == [("amd", None)]
    assert gaps(facts)["librocm_smi64.so"] == "tells of no device of the maker 1002"


def test_no_library_is_asked_without_a_device_or_its_driver(build: Build) -> None:
    host = LibraryHost(HERE, build("ixml"))
    unbound = PciDevice(address="0000:15:00.0", vendor="1e3e", device="0002", device_class="1200", unbound=True)
    iluvatar_vendor.detect(Surroundings(host, None, (unbound,)))
    iluvatar_vendor.detect(Surroundings(host, None, ()))
    iluvatar_vendor.detect(Surroundings(host, None, None))
    assert host.ran == []


def test_where_the_bus_cannot_be_read_the_file_of_a_library_is_a_sign(build: Build) -> None:
    there = [{"path": "/usr/local/corex/lib64/libixml.so", "exists": True}]
    host = LibraryHost(HERE, build("ixml"), recordings=there)
    facts = iluvatar_vendor.detect(Surroundings(host, None, None))
    assert host.ran == ["ixml.py"]
    assert [(device.name, device.pci_address) for device in facts.devices] == [("Iluvatar MR-V100", "0000:15:00.0")]
