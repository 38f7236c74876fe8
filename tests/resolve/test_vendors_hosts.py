"""Every recorded host, envkit's own and the public ones, asked for PyTorch: always an answer, no silent processor."""

from pathlib import Path

import pytest

from envkit.data import load_matrix, load_vendors
from envkit.data.documents import load_document
from envkit.detect import detect_host
from envkit.model.availability import Availability
from envkit.model.host import Device, HostFacts
from envkit.model.matrix import Matrix
from envkit.model.request import Mode, Request, Spec
from envkit.model.reserved import CPU
from envkit.resolve import resolve_request
from envkit.system.replay import FolderHost

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = sorted(
    path.parent
    for places in (ROOT / "tests/hosts", ROOT.parent / "shared/hosts")
    for path in places.glob("*/host.yaml")
)
INTEGRATED = {
    (vendor.name, model.architecture)
    for vendor in load_vendors()
    for model in vendor.models
    if model.category == "integrated"
}


@pytest.fixture(scope="module")
def pytorch() -> Matrix:
    return load_matrix(("pytorch", "openvino"))


def replayed(folder: Path) -> HostFacts:
    path = folder / "host.yaml"
    document = load_document(path.read_text(), str(path))
    assert isinstance(document, dict)
    return detect_host(FolderHost(folder, document.get("recordings", [])), data_directory="/var/lib/envkit")


def counts(device: Device) -> bool:
    """Tell whether somebody would miss a device: it can be used, and is more than a part of the processor."""
    known = device.architecture is not None and (device.vendor, device.architecture) not in INTEGRATED
    return device.usable is not False and known


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_recorded_host_is_answered_and_its_accelerators_are_not_forgotten(
    folder: Path, mode: Mode, pytorch: Matrix
) -> None:
    facts = replayed(folder)
    request = Request(specs=(Spec(recipe="pytorch"),), as_of="2026-11-22", mode=mode)
    answer = resolve_request(facts, request, pytorch, Availability())
    missed = [device for device in facts.devices or () if counts(device)]
    vendor = answer.chosen.vendor if answer.chosen is not None else None
    if missed and vendor in {CPU, None}:
        assert answer.status in {"degraded", "unsatisfiable"}
        assert answer.blame, missed
        assert answer.rejected
    if answer.status != "unsatisfiable":
        assert answer.chosen is not None
    if vendor not in {CPU, None}:
        assert vendor in {device.vendor for device in facts.devices or ()}
