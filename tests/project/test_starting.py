"""New project files: what they are made of, and that they are read as they were meant."""

import json
from collections import Counter
from pathlib import Path

import pytest

from envkit.data import decode_document, load_document, load_matrix
from envkit.detect import detect_host
from envkit.model.host import Cpu, Device, HostFacts, Stack
from envkit.model.project import ProfileTable, Project
from envkit.model.request import Spec
from envkit.model.vendor import Vendor
from envkit.project.drafts import Draft, Line
from envkit.project.machine import machine_profiles
from envkit.project.profiles import fitting_profile
from envkit.project.reading import ProjectFile, load_project
from envkit.project.starting import start_project
from envkit.project.writing import project_text
from envkit.resolve.targets import target_facts
from envkit.system.replay import FolderHost

HOSTS = sorted((Path(__file__).resolve().parents[1] / "hosts").glob("*/host.yaml"))[::12]  # each takes a while
VENDORS = [vendor for vendor in load_matrix(()).vendors if vendor.models]
H100 = HostFacts(
    cpu=Cpu(architecture="x86_64"),
    devices=tuple(
        Device(vendor="nvidia", index=index, name="NVIDIA H100 80GB HBM3", pci_id="10de:2330", architecture="sm_90")
        for index in range(8)
    ),
    stacks=(Stack(vendor="nvidia", driver="570.124.06"),),
)
DRAFT = Draft(
    source="requirements.txt",
    name="My Project!",
    python="3.11.4",
    lines=(Line(text="torch==2.9.*", place="requirements.txt:1"), Line(text="einops", place="requirements.txt:2")),
    system_packages=("git", "bad name"),
    image="python:3.11-slim-bookworm",
    ports=(8888, 70000, 8888),
    mounts=(".:/workspace",),
    env={"A": 'quote " colon: # and $x', "B C": "1"},
    shm="8g",
)


def no_host(path: str) -> HostFacts:
    raise AssertionError(path)


def test_a_machine_is_named_by_a_target() -> None:
    (profile,) = machine_profiles(H100, load_matrix(()))
    assert profile.name == "nvidia"
    assert profile.table == ProfileTable(target="H100 80GB HBM3*8, driver>=570.124.06")
    assert profile.title == "NVIDIA: 8x NVIDIA H100 80GB HBM3"


def test_a_device_that_no_target_names_is_known_by_its_vendor() -> None:
    facts = HostFacts(devices=(Device(vendor="nvidia", name="NVIDIA X9000", architecture="sm_999"),))
    (profile,) = machine_profiles(facts, load_matrix(()))
    assert profile.table == ProfileTable(on="nvidia")


def test_another_processor_than_the_usual_is_named() -> None:
    facts = HostFacts(
        cpu=Cpu(architecture="aarch64"), devices=(Device(vendor="nvidia", name="NVIDIA A100", architecture="sm_80"),)
    )
    (profile,) = machine_profiles(facts, load_matrix(()))
    assert profile.table.target == "A100, arch=aarch64"


@pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)
def test_devices_of_all_models_are_named_so_that_they_are_found_again(vendor: Vendor) -> None:
    matrix = load_matrix(())
    for model in vendor.models[::3]:
        device = Device(vendor=vendor.name, name=model.names[0], architecture=model.architecture)
        (profile,) = machine_profiles(HostFacts(devices=(device, device)), matrix)
        if profile.table.target is not None:
            named = target_facts(profile.table.target, matrix).devices or ()
            assert [(one.vendor, one.architecture) for one in named] == [(vendor.name, model.architecture)] * 2


@pytest.mark.parametrize("host", HOSTS, ids=lambda path: path.parent.name)
def test_recorded_machines_fit_the_profile_that_is_written_for_them(host: Path, tmp_path: Path) -> None:
    document = load_document(host.read_text(encoding="utf-8"), str(host))
    assert isinstance(document, dict)
    facts = detect_host(FolderHost(host.parent, document.get("recordings") or ()), data_directory="/nowhere")
    matrix = load_matrix(())
    profiles = machine_profiles(facts, matrix)
    for profile in profiles:
        if profile.table.target is not None:
            named = target_facts(profile.table.target, matrix)
            assert {device.vendor for device in named.devices or ()} == {profile.name}
    project = Project(recipes=("pytorch",), profiles={profile.name: profile.table for profile in profiles})
    if profiles:
        fitting = fitting_profile(ProjectFile(path=str(tmp_path / "envkit.yaml"), project=project), facts, no_host)
        assert fitting is not None
        assert fitting.profile == profiles[0].name, fitting.reason


def test_a_project_is_put_together_from_a_file_and_a_machine() -> None:
    start = start_project(Path("/srv/x"), (), (DRAFT,), H100)
    project = start.project
    assert (project.name, project.python, project.base.os) == ("my-project", "3.11", "debian-12")
    assert (project.recipes, project.packages) == (("pytorch==2.9.*",), ("einops",))
    assert project.system_packages == ("git",)
    assert list(project.profiles) == ["nvidia", "cpu"]
    assert (project.run.ports, project.run.mounts, project.run.shm) == ((8888,), (".:/workspace",), "8g")
    assert project.run.env == {"A": 'quote " colon: # and $x'}
    assert not start.suggested
    assert Counter(left.what for left in start.left_out) == {
        "system package `bad name`": 1,
        "variable `B C`": 1,
        "port `70000`": 1,
    }


def test_what_was_typed_goes_before_files() -> None:
    start = start_project(Path("/srv/x"), (Spec(recipe="torch", range="<3"),), (DRAFT,), H100)
    assert start.project.recipes == ("torch<3",)
    assert start.project.packages == ("einops",)


def test_profiles_are_written_for_hardware_that_the_recipes_serve() -> None:
    tensorrt = start_project(Path("/srv/x"), (Spec(recipe="tensorrt"),), (), H100)
    assert list(tensorrt.project.profiles) == ["nvidia"]
    mlx = start_project(Path("/srv/x"), (Spec(recipe="mindspore"),), (), H100)
    assert list(mlx.project.profiles) == ["cpu"]


def test_without_anything_to_go_by_a_recipe_is_suggested() -> None:
    start = start_project(Path("/srv/x"), (), (), HostFacts(devices=()))
    assert start.suggested
    assert start.project.recipes == ("pytorch",)
    assert "put what you use" in project_text(start)


def test_the_text_is_read_as_it_was_meant(tmp_path: Path) -> None:
    start = start_project(Path("/srv/x"), (), (DRAFT,), H100)
    path = tmp_path / "envkit.yaml"
    path.write_text(project_text(start), encoding="utf-8")
    assert load_project(path).project == start.project
    assert "# nvidia is this machine: NVIDIA: 8x NVIDIA H100 80GB HBM3" in path.read_text(encoding="utf-8")


def test_every_example_in_the_comments_is_right(tmp_path: Path) -> None:
    text = project_text(start_project(Path("/srv/x"), (Spec(recipe="pytorch"),), (), HostFacts(devices=())))
    examples = [line.removeprefix("# ") for line in text.splitlines() if line.startswith("# ") and ": " in line]
    fields = [line for line in examples if line.partition(":")[0] in Project.__struct_fields__]
    assert len(fields) >= 7
    path = tmp_path / "envkit.yaml"
    for line in fields:
        path.write_text(f"format: envkit/1\n{line}\n", encoding="utf-8")
        load_project(path)


def test_comments_hold_no_text_that_could_end_them() -> None:
    draft = Draft(source="a\nrecipes: [evil]", image="python:3.11\nname: evil")
    device = Device(vendor="nvidia", name="X\nname: evil", architecture="sm_90")
    text = project_text(start_project(Path("/srv/x"), (), (draft,), HostFacts(devices=(device,))))
    project = decode_document(text, "envkit.yaml", Project)
    assert (project.name, project.recipes) == ("x", ("pytorch",))
    assert json.dumps("evil") not in text
