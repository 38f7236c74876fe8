"""Each folder below `tests/hosts` says in its `host.yaml` what must be detected."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from envkit.detect.host import vendor_detectors
from envkit.detect.present import describe_host

HOSTS = Path(__file__).resolve().parents[1] / "hosts"
FOLDERS = sorted(path.parent for path in HOSTS.glob("*/host.yaml"))


def within(expected: object, found: object) -> object:
    """Return what was found, reduced to the fields that are expected."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return {key: within(value, found.get(key)) for key, value in expected.items()}
    if isinstance(expected, list) and isinstance(found, list | tuple) and len(expected) == len(found):
        return [within(value, other) for value, other in zip(expected, found, strict=True)]
    return list(found) if isinstance(found, tuple) else found


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_recorded_host_is_detected_as_expected(folder: Path, recorded: Callable) -> None:
    host = recorded(folder)
    facts = host.facts()
    seen = msgspec.to_builtins(facts)
    expect = host.document["expect"]
    found = {
        "os": seen.get("os"),
        "devices": seen.get("devices"),
        "stack": next(iter(seen.get("stacks", [])), None),
        "masks": seen.get("masks", []),
        "findings": [finding.id for finding in facts.findings],
    }
    assert {key: within(value, found[key]) for key, value in expect.items()} == expect


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_finding_points_at_a_device_or_stack_and_names_a_remedy(folder: Path, recorded: Callable) -> None:
    facts = recorded(folder).facts()
    places = [f"devices[{number}]" for number in range(len(facts.devices or ()))]
    places += [f"stacks[{number}]" for number in range(len(facts.stacks or ()))]
    places += ["os"]  # of a device that is lent by Windows: nothing says whose it is
    for finding in facts.findings:
        assert finding.fact.split(".")[0] in places
        assert finding.remedy
        assert finding.evidence


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_host_fits_on_one_screen(folder: Path, recorded: Callable) -> None:
    lines = describe_host(recorded(folder).facts()).splitlines()
    assert len(lines) <= 40
    assert max(len(line) for line in lines if not line.startswith("  try: ")) <= 100


def test_every_vendor_module_is_found_by_its_file_name() -> None:
    names = {detector.__module__.rpartition(".")[2] for detector in vendor_detectors()}
    assert {"nvidia", "amd", "intel", "ascend", "google_tpu"} <= names
