"""Devices that a variable of the user's shell hides: from a native environment, and not from a container."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from envkit.data import load_matrix
from envkit.data.documents import load_document
from envkit.detect import detect_host
from envkit.model.availability import Availability
from envkit.model.host import Cpu, HostFacts, Python
from envkit.model.matrix import Matrix
from envkit.model.request import Mode, Request, Spec
from envkit.model.resolution import Resolution, Status, Verdict
from envkit.resolve import resolve_request
from envkit.system.replay import FolderHost

HOSTS = Path(__file__).resolve().parents[1] / "hosts"
RULE = "device-visibility"
UNDOING = "env -u CUDA_VISIBLE_DEVICES envkit up"


@pytest.fixture(scope="module")
def pytorch() -> Matrix:
    return load_matrix(("pytorch",))


def recorded(name: str) -> HostFacts:
    """Return four devices, and what stood in the variable; a Python and a processor, so that nothing else is open."""
    path = HOSTS / name / "host.yaml"
    document = load_document(path.read_text(), str(path))
    assert isinstance(document, dict)
    facts = detect_host(FolderHost(path.parent, document["recordings"]), data_directory="/var/lib/envkit")
    there = (Python(version="3.12.3", path="/usr/bin/python3.12"),)
    return replace(facts, pythons=there, cpu=Cpu(architecture="x86_64"))


def resolved(facts: HostFacts, matrix: Matrix, mode: Mode = Mode.NATIVE, **fields: object) -> Resolution:
    request = Request(specs=(Spec(recipe="pytorch"),), as_of="2026-11-22", mode=mode, **fields)
    return resolve_request(facts, request, matrix, Availability())


def verdicts(resolution: Resolution) -> list[Verdict]:
    return [check.verdict for check in resolution.checks if check.rule == RULE]


def test_a_native_environment_is_made_for_the_visible_devices(pytorch: Matrix) -> None:
    resolution = resolved(recorded("cuda-visible-devices-cut-short"), pytorch)
    assert resolution.chosen is not None
    assert (resolution.chosen.vendor, resolution.chosen.devices) == ("nvidia", (0, 2))
    assert verdicts(resolution) == [Verdict.PASS]
    hidden = [note for note in resolution.chosen.notes if "`CUDA_VISIBLE_DEVICES=2,0,-1,1` hides it" in note]
    assert [note.split(" is left")[0].split(" (")[0] for note in hidden] == ["NVIDIA device 1", "NVIDIA device 3"]
    assert all(UNDOING in note for note in hidden)


def test_a_container_is_made_for_all_devices_and_says_so(pytorch: Matrix) -> None:
    resolution = resolved(recorded("cuda-visible-devices-cut-short"), pytorch, Mode.CONTAINER)
    assert resolution.chosen is not None
    assert resolution.chosen.devices == (0, 1, 2, 3)
    assert any("not from the container" in note for note in resolution.chosen.notes)
    assert verdicts(resolution) == []


def test_a_variable_that_hides_nothing_changes_nothing(pytorch: Matrix) -> None:
    facts = recorded("cuda-visible-devices-all")
    resolution, without = resolved(facts, pytorch), resolved(replace(facts, masks=()), pytorch)
    assert resolution.chosen == without.chosen
    assert (resolution.status, verdicts(resolution)) == (without.status, [Verdict.PASS])


def test_where_all_devices_are_hidden_the_processor_is_a_degraded_answer_that_says_why(pytorch: Matrix) -> None:
    resolution = resolved(recorded("cuda-visible-devices-empty"), pytorch)
    assert resolution.chosen is not None
    assert (resolution.status, resolution.chosen.vendor) == (Status.DEGRADED, "cpu")
    unused = next(check for check in resolution.checks if check.rule == "accelerator-unused")
    assert "`CUDA_VISIBLE_DEVICES=''` hides all of them" in unused.reason
    assert [entry.rule for entry in resolution.rejected] == [RULE]
    assert [(blame.fact, blame.seen) for blame in resolution.blame] == [("platform", "`CUDA_VISIBLE_DEVICES=''`")]
    assert [(remedy.kind, remedy.command) for remedy in resolution.remedies[:2]] == [
        ("unset-variable", f"{UNDOING} pytorch --native"),
        ("use-container", "envkit up pytorch --engine docker"),
    ]


def test_who_asks_for_a_vendor_whose_devices_are_all_hidden_is_refused(pytorch: Matrix) -> None:
    resolution = resolved(recorded("cuda-visible-devices-empty"), pytorch, on="nvidia")
    assert resolution.status is Status.UNSATISFIABLE
    assert resolution.remedies[0].kind == "unset-variable"
    assert resolved(recorded("cuda-visible-devices-empty"), pytorch, Mode.CONTAINER, on="nvidia").status is Status.OK


def test_a_hidden_device_that_is_asked_for_is_refused_with_what_would_show_it(pytorch: Matrix) -> None:
    resolution = resolved(recorded("cuda-visible-devices-cut-short"), pytorch, on="nvidia", devices=(1, 2))
    assert resolution.status is Status.UNSATISFIABLE
    (blame,) = resolution.blame
    assert "device 1" in blame.needed
    assert "device 2" not in blame.needed
    commands = {remedy.kind: remedy.command for remedy in resolution.remedies}
    assert commands["unset-variable"] == f"{UNDOING} pytorch --native --on nvidia --devices 1,2"
    assert commands["use-device"] == "envkit up pytorch --native --on nvidia --devices 0,2"


def test_a_value_that_cannot_be_told_is_an_assumption(pytorch: Matrix) -> None:
    resolution = resolved(recorded("cuda-visible-devices-uuid"), pytorch)
    assert resolution.chosen is not None
    assert (resolution.status, resolution.chosen.devices) == (Status.DEGRADED, (0, 1, 2, 3))
    assert verdicts(resolution) == [Verdict.UNKNOWN]
    contained = resolved(recorded("cuda-visible-devices-uuid"), pytorch, Mode.CONTAINER)
    assert contained.status is Status.OK
