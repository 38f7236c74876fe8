"""Diagnoses of facts alone, as of `--host FILE`: what they do not tell is unknown."""

import os
from pathlib import Path

import msgspec
import pytest

from envkit.data import load_remedies, load_thresholds, load_vendors
from envkit.diagnose import diagnose_host
from envkit.diagnose.checks.proxy import shown
from envkit.diagnose.run import all_checks
from envkit.model.diagnosis import Diagnosis, Verdict
from envkit.model.host import ContainerEngine, Cpu, HostFacts, Libc, OperatingSystem, Python
from envkit.model.value import to_json
from envkit.system.replay import FolderHost

NOTHING = FolderHost(Path(os.devnull))
CENTOS = OperatingSystem(
    system="linux", id="centos", id_like=("rhel", "fedora"), version="7", libc=Libc(family="glibc", version="2.17")
)
DOCKER = ContainerEngine(name="docker", endpoint="unix:///var/run/docker.sock", usable=True)


def diagnose(**facts: object) -> Diagnosis:
    return diagnose_host(NOTHING, HostFacts(**facts))


def found(diagnosis: Diagnosis) -> list[tuple[str, str]]:
    return [(finding.id, finding.severity.value) for finding in diagnosis.findings]


def test_where_nothing_is_known_nothing_is_wrong() -> None:
    diagnosis = diagnose()
    assert (diagnosis.verdict, diagnosis.findings) == (Verdict.OK, ())
    unknown = {check.id for check in diagnosis.checks if check.verdict is Verdict.UNKNOWN}
    assert {"devices", "engines", "images", "environments", "shared-memory", "date", "libc", "pages"} <= unknown


def test_a_diagnosis_is_read_back_from_its_json() -> None:
    diagnosis = diagnose(os=CENTOS, engines=())
    assert msgspec.json.decode(to_json(diagnosis), type=Diagnosis) == diagnosis
    assert '"format": "envkit-diagnosis/1"' in to_json(diagnosis)


@pytest.mark.parametrize(("engines", "severity"), [((), "warning"), ((DOCKER,), "note"), (None, "warning")])
def test_an_old_c_library_weighs_less_where_containers_work(
    engines: tuple[ContainerEngine, ...] | None, severity: str
) -> None:
    assert ("glibc-too-old", severity) in found(diagnose(os=CENTOS, engines=engines))


def test_the_oldest_c_library_that_serves_is_no_finding() -> None:
    system = msgspec.structs.replace(CENTOS, libc=Libc(family="glibc", version=load_thresholds().oldest_glibc))
    assert found(diagnose(os=system)) == []


@pytest.mark.parametrize("architecture", ["ppc64le", "loongarch64", "riscv64"])
def test_an_architecture_without_wheels_is_named(architecture: str) -> None:
    diagnosis = diagnose(cpu=Cpu(architecture=architecture))
    assert found(diagnosis) == [("architecture-without-wheels", "warning")]
    assert architecture in diagnosis.findings[0].cause


def test_architectures_with_wheels_are_no_finding() -> None:
    assert [found(diagnose(cpu=Cpu(architecture=name))) for name in load_thresholds().architectures] == [[], [], []]


@pytest.mark.parametrize("pythons", [(), (Python(version="3.6.8", path="/usr/bin/python3"),)])
def test_no_python_that_recipes_take_is_a_note(pythons: tuple[Python, ...]) -> None:
    assert found(diagnose(pythons=pythons)) == [("python-missing", "note")]
    assert found(diagnose(pythons=(*pythons, Python(version="3.12.3", path="/usr/bin/python3.12")))) == []


def test_an_engine_that_is_missing_is_a_note_and_the_host_healthy() -> None:
    diagnosis = diagnose(engines=())
    assert (diagnosis.verdict, found(diagnosis)) == (Verdict.NOTE, [("engine-missing", "note")])


@pytest.mark.parametrize(
    ("identifier", "like", "words"),
    [
        ("debian", (), "apt"),
        ("ubuntu", ("debian",), "apt"),
        ("fedora", (), "dnf install moby-engine"),
        ("opensuse-leap", ("suse",), "zypper"),
        ("arch", (), "pacman"),
        ("openEuler", (), "dnf install docker-engine"),
        ("anolis", ("rhel",), "dnf install podman"),
        ("kylin", (), "dnf install docker-engine"),
        ("kos", (), "dnf install podman"),
        ("nixos", (), "docs.docker.com"),
    ],
)
def test_an_engine_is_installed_the_way_of_the_system(identifier: str, like: tuple[str, ...], words: str) -> None:
    system = OperatingSystem(system="linux", id=identifier, id_like=like)
    (finding,) = diagnose(os=system, engines=()).findings
    assert words in " ".join(finding.remedy)


def test_a_finding_of_detection_is_shown_once() -> None:
    (made,) = diagnose(engines=()).findings
    assert found(diagnose(engines=(), findings=(made,))) == [("engine-missing", "note")]


def test_no_two_checks_have_one_id_and_each_is_described() -> None:
    names = [examine.__name__ for _, examine in all_checks()]
    assert len(set(names)) == len(names)
    assert all(
        name.startswith("check_") and examine.__doc__ for name, (_, examine) in zip(names, all_checks(), strict=True)
    )


def test_every_remedy_that_a_check_names_by_a_vendor_exists() -> None:
    known = {row.id for group in load_remedies() for row in group.remedies}
    toolkits = load_thresholds().toolkits
    named = {f"{row.vendor}-container-toolkit" for row in toolkits} | {f"{row.vendor}-cdi" for row in toolkits}
    named |= {row.configure_remedy for row in toolkits if row.configure_remedy}
    named |= {f"{vendor.name}-cdi" for vendor in load_vendors() if vendor.access and vendor.access.cdi_kind}
    assert named <= known


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("http://ada:secret@proxy:3128", "http://proxy:3128"),
        ("ada:se@cret@proxy:3128", "proxy:3128"),
        ("http://proxy:3128", "http://proxy:3128"),
    ],
)
def test_a_proxy_is_shown_without_its_password(value: str, expected: str) -> None:
    assert shown(value) == expected
