"""Management libraries asked in a child process: Ascend, Cambricon, Moore Threads, MetaX, Enflame, Kunlunxin, Intel.

None of these libraries was ever run against real hardware here: `libraries/*.c` stand in for them, written after the
vendors' public headers, so that signatures, layouts and decoding are tried, but not what a driver answers.
"""

import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from envkit.detect.by_tool import Form
from envkit.detect.facts import PciDevice, Surroundings
from envkit.detect.pci import scan_pci
from envkit.detect.reading import Reading
from envkit.detect.sources import ascend as ascend_sources
from envkit.detect.sources import cambricon, enflame, kunlunxin, metax, mthreads
from envkit.detect.sources.library import library_form
from envkit.detect.vendors import ascend, intel
from envkit.detect.vendors import metax as metax_vendor
from envkit.detect.vendors import mthreads as mthreads_vendor
from envkit.model.host import Severity
from envkit.system.command import Command, Completed, run_command
from envkit.system.replay import FolderHost

HERE = Path(__file__).resolve().parent
HOSTS = HERE.parent / "hosts"
COMPILERS = [name for name in (sysconfig.get_config_var("CC"), "cc", "gcc", "clang") if name]
PAIRED = "a3"
ASCEND = ascend_sources.forms(PAIRED)[0]
LEVEL_ZERO = library_form("intel", "level_zero", "libze_loader.so.1")
LIBRARIES = {
    "dcmi": ("libdcmi.so", ASCEND),
    "cndev": ("libcndev.so", cambricon.FORMS[0]),
    "mtml": ("libmtml.so", mthreads.FORMS[0]),
    "mxsml": ("libmxsml.so", metax.FORMS[0]),
    "efml": ("libefml.so", enflame.FORMS[0]),
    "xpuml": ("libxpuml.so", kunlunxin.FORMS[0]),
    "level_zero": ("libze_loader.so.1", LEVEL_ZERO),
}
StandIn = Callable[..., Path]


@pytest.fixture
def stand_in(tmp_path: Path) -> StandIn:
    """Compile `libraries/NAME.c` with some definitions and return the folder in which the library lies."""

    def compiled(name: str, *definitions: str) -> Path:
        folder = tmp_path / "_".join(("library", name, *definitions)).replace('"', "").replace("=", "_")
        folder.mkdir()
        options = ["-shared", "-fPIC", "-w", *(f"-D{definition}" for definition in definitions)]
        source, library = str(HERE / "libraries" / f"{name}.c"), str(folder / LIBRARIES[name][0])
        for compiler in COMPILERS:
            try:
                subprocess.run([*compiler.split(), *options, "-o", library, source], check=True)
            except FileNotFoundError:
                continue
            return folder
        pytest.skip("no C compiler")

    return compiled


def answer(form: Form, folder: Path) -> Reading:
    """Run the child of a form as detection does, with a library in a folder of its own."""
    environment = {"LD_LIBRARY_PATH": str(folder)}
    completed = run_command(Command(argv=form.argv, environment=environment, timeout_seconds=30))
    assert form.source is not None
    return form.parse(completed.stdout, form.source)


def seen(reading: Reading) -> list[tuple[object, ...]]:
    """Return number, name, address and memory of each device."""
    return [(device.index, device.name, device.pci_address, device.memory_mib) for device in reading.devices]


def test_ascend_chips_of_two_boards_bear_the_numbers_of_their_nodes(stand_in: StandIn) -> None:
    reading = answer(ASCEND, stand_in("dcmi", "DUO"))
    assert (reading.failure, reading.driver) == (None, "25.2.0")
    assert seen(reading) == [
        (0, "310P3", "0000:86:00.0", 44280),
        (2, "310P3", "0000:3b:00.0", 44280),
        (1, "310P3", None, 43693),
        (3, "310P3", None, 43693),
    ]


def test_ascend_faults_name_the_board_and_the_chip_for_npu_smi(stand_in: StandIn) -> None:
    reading = answer(ASCEND, stand_in("dcmi", "DUO"))
    assert [(row.index, row.said, row.severity, row.values) for row in reading.troubles] == [
        (1, "Health of NPU 4 chip 1: Warning", Severity.WARNING, {"npu": "4", "chip": "1"}),
        (3, "Health of NPU 5 chip 1: Alarm", Severity.ERROR, {"npu": "5", "chip": "1"}),
    ]


def test_the_ascend_library_says_of_a_board_what_npu_smi_says(stand_in: StandIn) -> None:
    table = (HOSTS / "ascend-310p3-duo" / "npu-smi_info.txt").read_text()
    printed = ascend_sources.parse_table(table, "npu-smi info", paired=PAIRED)
    told = [device for device in answer(ASCEND, stand_in("dcmi", "DUO")).devices if device.index in {0, 1}]
    assert told == list(printed.devices)


def test_ascend_chips_in_pairs_are_those_of_a_910c(stand_in: StandIn) -> None:
    reading = answer(ASCEND, stand_in("dcmi", "PAIR"))
    assert [(device.name, device.architecture, device.memory_mib) for device in reading.devices] == [
        ("Ascend910", PAIRED, 65536),
        ("Ascend910", PAIRED, 65536),
    ]
    assert [device.pci_address for device in reading.devices] == ["0000:9d:00.0", "0000:9f:00.0"]


def test_an_ascend_module_that_has_a_model_is_named_by_it(stand_in: StandIn) -> None:
    reading = answer(ASCEND, stand_in("dcmi", "PAIR", 'MODULE="9391"'))
    assert [device.name for device in reading.devices] == ["Ascend910_9391", "Ascend910_9391"]


def test_an_ascend_chip_in_a_container_keeps_the_number_of_the_host(stand_in: StandIn) -> None:
    assert seen(answer(ASCEND, stand_in("dcmi", "FIRST=5"))) == [(5, "910B3", "0000:c1:00.0", 65536)]


def test_an_old_ascend_library_is_asked_with_its_own_calls(stand_in: StandIn) -> None:
    assert seen(answer(ASCEND, stand_in("dcmi", "OLD"))) == [(0, "910B3", "0000:c1:00.0", 65536)]


def test_an_ascend_library_that_names_chips_by_one_number_is_asked_so(stand_in: StandIn) -> None:
    reading = answer(ASCEND, stand_in("dcmi", "NUMBERED"))
    assert (reading.failure, reading.driver) == (None, "26.0.rc1")
    assert seen(reading) == [
        (0, "Ascend950", "0000:10:00.0", 114688),
        (1, "Ascend950", "0000:11:00.0", 114688),
    ]
    assert [(row.index, row.severity) for row in reading.troubles] == [(1, Severity.ERROR)]


def test_garbage_of_an_ascend_library_is_nothing_that_is_known(stand_in: StandIn) -> None:
    reading = answer(ASCEND, stand_in("dcmi", "GARBAGE"))
    assert (reading.failure, seen(reading)) == (None, [(0, None, None, None)])


@pytest.mark.parametrize("version", [6, 5, 3])
def test_cambricon_of_each_api_version(stand_in: StandIn, version: int) -> None:
    reading = answer(cambricon.FORMS[0], stand_in("cndev", f"API={version}"))
    assert (reading.failure, reading.driver) == (None, "5.10.13")
    assert seen(reading) == [
        (0, "MLU370-X8", "0000:39:00.0", 23374),
        (1, "MLU370-X8", "0000:3a:00.0", 23374),
    ]
    assert [(row.index, row.severity) for row in reading.troubles] == [(1, Severity.ERROR)]


def test_moore_threads(stand_in: StandIn) -> None:
    reading = answer(mthreads.FORMS[0], stand_in("mtml"))
    assert (reading.failure, reading.driver) == (None, "2.7.0")
    assert seen(reading) == [(0, "MTT S80", "0000:04:00.0", 16384), (1, "MTT S4000", "0000:05:00.0", 49152)]


def test_a_gpu_of_moore_threads_that_does_not_answer_is_still_listed(stand_in: StandIn) -> None:
    reading = answer(mthreads.FORMS[0], stand_in("mtml", "LOST"))
    assert seen(reading) == [(0, "MTT S80", "0000:04:00.0", 16384), (1, None, None, None)]


def test_metax_leaves_out_functions_that_only_carry_virtual_ones(stand_in: StandIn) -> None:
    reading = answer(metax.FORMS[0], stand_in("mxsml"))
    assert (reading.failure, reading.driver) == (None, "3.6.11")
    assert [(runtime.name, runtime.version) for runtime in reading.runtimes] == [("maca", "3.5.3.18")]
    assert seen(reading) == [(0, "MXC500", "0000:0e:00.0", 65536), (1, "MXC500", "0000:0f:00.0", 65536)]
    assert [(row.index, row.severity) for row in reading.troubles] == [(1, Severity.ERROR)]


def test_enflame(stand_in: StandIn) -> None:
    reading = answer(enflame.FORMS[0], stand_in("efml"))
    assert (reading.failure, reading.driver) == (None, "1.4.3.4")
    assert seen(reading) == [(0, "S60", "0000:17:00.0", 42976), (1, "S60", "0000:18:00.0", 42976)]
    assert [(row.index, row.severity) for row in reading.troubles] == [(1, Severity.ERROR)]


def test_kunlunxin_numbers_devices_by_their_nodes(stand_in: StandIn) -> None:
    reading = answer(kunlunxin.FORMS[0], stand_in("xpuml"))
    assert (reading.failure, reading.driver) == (None, "5.0.21.26")
    assert seen(reading) == [(1, None, "0000:53:00.0", 98304), (0, None, "0000:52:00.0", 98304)]


def test_level_zero_adds_up_the_memory_on_a_card_and_leaves_out_what_is_no_gpu(stand_in: StandIn) -> None:
    reading = answer(LEVEL_ZERO, stand_in("level_zero"))
    assert reading.failure is None
    assert seen(reading) == [
        (0, "Intel(R) Data Center GPU Max 1100", "0000:29:00.0", 49152),
        (1, "Intel(R) Arc(TM) A770 Graphics", "0000:2a:00.0", 16288),
    ]


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_library_that_is_missing_is_a_failure_in_the_words_of_the_loader(name: str, tmp_path: Path) -> None:
    reading = answer(LIBRARIES[name][1], tmp_path)
    assert "cannot open shared object file" in (reading.failure or "")
    assert reading.devices == ()


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_library_whose_first_call_fails_is_a_failure_with_its_status(stand_in: StandIn, name: str) -> None:
    reading = answer(LIBRARIES[name][1], stand_in(name, "FAILS"))
    assert "nit returned " in (reading.failure or "")
    assert reading.devices == ()


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_count_that_cannot_be_is_a_failure(stand_in: StandIn, name: str) -> None:
    reading = answer(LIBRARIES[name][1], stand_in(name, "NONSENSE"))
    assert "devices, which cannot be" in (reading.failure or "")
    assert reading.devices == ()


class HostWithLibrary(FolderHost):
    """A recorded machine on which the children of envkit really run, against a library in a folder."""

    def __init__(self, root: Path, recordings: object, library: Path) -> None:
        super().__init__(root, recordings)
        self._library = library
        self.ran: list[str] = []

    def run(self, command: Command) -> Completed:
        self.ran.append(Path(command.argv[-1]).stem if command.argv[0] == sys.executable else str(command))
        if command.argv[0] != sys.executable:
            return super().run(command)
        found = ":".join(filter(None, (str(self._library), command.environment.get("LD_LIBRARY_PATH"))))
        return run_command(msgspec.structs.replace(command, environment={"LD_LIBRARY_PATH": found}))


def test_the_ascend_detector_asks_the_library_and_no_tool_where_that_tells_enough(stand_in: StandIn) -> None:
    recordings = [{"file": "absent", "command": "npu-smi info"}]
    host = HostWithLibrary(HOSTS / "ascend-910b-driver-without-tool", recordings, stand_in("dcmi"))
    facts = ascend.detect(Surroundings(host, None, scan_pci(host)[0]))
    assert host.ran == ["dcmi"]
    (device,) = facts.devices
    assert (device.index, device.name, device.architecture, device.memory_mib) == (0, "910B3", "910b", 65536)
    assert (device.nodes, device.usable, device.pci_id) == (("/dev/davinci0",), True, "19e5:d802")
    assert facts.stack is not None
    assert facts.stack.driver == "24.1.rc3"  # of the driver's own file, which is read first
    assert [(row.fact, row.source) for row in facts.evidence] == [
        ("devices[0].name", "libdcmi.so"),
        ("devices[0].architecture", "device table"),
        ("devices[0].memory_mib", "libdcmi.so"),
        ("stacks[0].driver", "/opt/Ascend/driver/version.info"),
    ]
    assert facts.gaps == ()
    assert facts.findings == ()


def test_the_ascend_library_is_looked_for_where_the_driver_was_installed() -> None:
    host = FolderHost(HOSTS / "ascend-910b-driver-without-tool", [])
    folders = ascend_sources.forms(PAIRED, ascend_sources.driver_home(host))[0].library_folders
    assert folders[:2] == ("/usr/local/dcmi", "/opt/Ascend/driver/lib64/driver")


def test_the_ascend_detector_asks_npu_smi_where_the_library_fails(stand_in: StandIn) -> None:
    recordings = [{"file": "npu-smi_info.txt", "command": "npu-smi info"}]
    host = HostWithLibrary(HOSTS / "ascend-310p3-duo", recordings, stand_in("dcmi", "FAILS"))
    board = PciDevice(address="0000:86:00.0", vendor="19e5", device="d500", device_class="1200", driver="devdrv")
    facts = ascend.detect(Surroundings(host, None, (board,)))
    assert host.ran == ["dcmi", "npu-smi info"]
    assert [device.name for device in facts.devices] == ["310P3", "310P3"]
    assert ("libdcmi.so", "dcmi_init returned -8005") in [(gap.source, gap.reason) for gap in facts.gaps]


def test_two_boards_of_two_chips_on_the_bus_are_four_devices(stand_in: StandIn) -> None:
    host = HostWithLibrary(HOSTS / "ascend-310p3-duo", [], stand_in("dcmi", "DUO"))
    boards = tuple(
        PciDevice(address=address, vendor="19e5", device="d500", device_class="1200", driver="devdrv")
        for address in ("0000:3b:00.0", "0000:86:00.0")
    )
    facts = ascend.detect(Surroundings(host, None, boards))
    assert [(device.index, device.pci_address, device.usable) for device in facts.devices] == [
        (0, "0000:86:00.0", True),
        (1, None, True),
        (2, "0000:3b:00.0", True),
        (3, None, False),
    ]
    assert [(finding.id, finding.fact) for finding in facts.findings] == [
        ("device-unhealthy", "devices[1]"),
        ("device-unhealthy", "devices[3]"),
    ]
    assert facts.findings[1].remedy == ("npu-smi info -t health -i 5 -c 1",)


def test_a_library_that_ends_its_process_is_a_gap_and_the_tool_is_asked(stand_in: StandIn, tmp_path: Path) -> None:
    host = HostWithLibrary(tmp_path, [{"file": "absent", "command": "mthreads-gmi"}], stand_in("mtml", "CRASHES"))
    card = PciDevice(address="0000:04:00.0", vendor="1ed5", device="0201", device_class="0300", driver="mtgpu")
    facts = mthreads_vendor.detect(Surroundings(host, None, (card,)))
    assert host.ran == ["mtml", "mthreads-gmi"]
    assert ("libmtml.so", "ended by signal 6") in [(gap.source, gap.reason) for gap in facts.gaps]


def test_the_name_that_the_library_of_metax_tells_is_one_of_the_table(stand_in: StandIn, tmp_path: Path) -> None:
    host = HostWithLibrary(tmp_path, [{"file": "absent", "command": "mx-smi"}], stand_in("mxsml"))
    cards = tuple(
        PciDevice(address=address, vendor="9999", device="4000", device_class="0380", driver="metax")
        for address in ("0000:0e:00.0", "0000:0f:00.0")
    )
    facts = metax_vendor.detect(Surroundings(host, None, cards))
    assert host.ran == ["mxsml"]
    assert [(device.architecture, device.usable) for device in facts.devices] == [("c500", True), ("c500", False)]


def test_the_intel_detector_asks_level_zero_and_not_xpu_smi_where_that_tells_enough(
    stand_in: StandIn, tmp_path: Path
) -> None:
    (tmp_path / "sys/module/i915").mkdir(parents=True)
    (tmp_path / "sys/module/i915/version").write_text("I915_23.10\n")
    host = HostWithLibrary(tmp_path, [{"file": "absent", "command": "xpu-smi discovery -j"}], stand_in("level_zero"))
    cards = tuple(
        PciDevice(address=address, vendor="8086", device=device, device_class="0380", driver="i915")
        for address, device in (("0000:29:00.0", "0bda"), ("0000:2a:00.0", "56a0"))
    )
    facts = intel.detect(Surroundings(host, None, cards))
    assert host.ran == ["level_zero"]
    assert [(device.memory_mib, device.usable) for device in facts.devices] == [(49152, True), (16288, True)]
