"""From a project file, a profile and what was typed to a wish."""

from pathlib import Path

import pytest

from envkit.data import load_matrix
from envkit.errors import DataError, UsageError
from envkit.model.host import HostFacts
from envkit.model.plan import Mount, RunSettings, SystemPackage
from envkit.model.request import Mode, Request, Spec
from envkit.model.sources import PackageSources, Setting
from envkit.project.profiles import fitting_profile
from envkit.project.reading import ProjectFile, load_project
from envkit.project.wishes import Typed, profile_facts, profile_wish
from envkit.resolve.targets import target_facts

PROJECT = """
name: mine
recipes: [pytorch>=2.9]
packages: [einops]
system_packages: [git, ffmpeg=7.1]
python: ">=3.11"
base: {os: debian-12, flavor: devel}
profiles:
  gpu: {target: "a100*2, driver>=535", packages: [rich]}
  ascend: {target: "910b3", recipes: [mindspore], python: "3.11", base: {image: "example.com/cann:1"}, devices: [1]}
  laptop: {on: cpu, engine: native}
  tools: {packages: [ruff]}
run: {ports: [8888], mounts: [".:/workspace", "data:/data:ro"], env: {A: "1"}, shm: 8g, command: "python -m 'x y'"}
"""
NOTHING = Typed(request=Request(specs=(), as_of="2026-11-22"))


@pytest.fixture
def file(tmp_path: Path) -> ProjectFile:
    path = tmp_path / "envkit.yaml"
    path.write_text(PROJECT, encoding="utf-8")
    return load_project(path)


def typed(**fields: object) -> Typed:
    return Typed(request=Request(specs=(), as_of="2026-11-22", **fields))  # type: ignore[arg-type]


def machine(text: str) -> HostFacts:
    return target_facts(text, load_matrix(()))


def no_host(path: str) -> HostFacts:
    raise DataError(f"cannot read the file (no such file or directory): {path}")


def test_the_project_without_profile_is_taken_whole(file: ProjectFile, tmp_path: Path) -> None:
    wish = profile_wish(file, None, NOTHING, PackageSources()).wish
    assert wish.name == "mine"
    assert wish.profile is None
    assert wish.request == Request(
        specs=(Spec(recipe="pytorch", range=">=2.9"),),
        as_of="2026-11-22",
        python=">=3.11",
        packages=("einops",),
        os="debian-12",
        flavor="devel",
    )
    assert wish.system_packages == (SystemPackage(name="git"), SystemPackage(name="ffmpeg", version="7.1"))
    assert wish.mounts == (
        Mount(source=str(tmp_path), target="/workspace"),
        Mount(source=str(tmp_path / "data"), target="/data", read_only=True),
    )
    assert wish.run == RunSettings(
        ports=(8888,), environment={"A": "1"}, shared_memory="8g", command=("python", "-m", "x y")
    )


def test_a_profile_adds_packages_and_names_the_vendor_of_its_target(file: ProjectFile) -> None:
    request = profile_wish(file, "gpu", NOTHING, PackageSources()).wish.request
    assert (request.on, request.packages, request.os) == ("nvidia", ("einops", "rich"), "debian-12")


def test_a_profile_replaces_recipes_python_and_base(file: ProjectFile) -> None:
    wish = profile_wish(file, "ascend", NOTHING, PackageSources()).wish
    assert wish.profile == "ascend"
    assert [spec.recipe for spec in wish.request.specs] == ["mindspore"]
    assert wish.request.python == "3.11"
    assert wish.request.devices == (1,)
    assert (wish.request.base_image, wish.request.os, wish.request.flavor) == ("example.com/cann:1", None, "slim")


def test_a_native_profile_has_no_base(file: ProjectFile) -> None:
    request = profile_wish(file, "laptop", NOTHING, PackageSources()).wish.request
    assert (request.on, request.mode, request.engine) == ("cpu", Mode.NATIVE, "native")
    assert (request.os, request.base_image, request.flavor) == (None, None, "slim")


def test_what_was_typed_goes_before_profile_and_project(file: ProjectFile) -> None:
    asked = Typed(
        request=Request(
            specs=(Spec(recipe="jax"),),
            as_of="2026-11-22",
            python="3.13",
            on="amd",
            devices=(0,),
            mode=Mode.CONTAINER,
            os="ubuntu-22.04",
            packages=("httpx",),
        ),
        flavor="slim",
        mounts=(Mount(source="/srv", target="/srv"),),
    )
    wish = profile_wish(file, "laptop", asked, PackageSources()).wish
    request = wish.request
    assert [spec.recipe for spec in request.specs] == ["jax"]
    assert (request.python, request.on, request.devices) == ("3.13", "amd", (0,))
    assert (request.mode, request.engine) == (Mode.CONTAINER, None)
    assert (request.os, request.flavor) == ("ubuntu-22.04", "slim")
    assert request.packages == ("einops", "httpx")
    assert wish.mounts[-1].target == "/srv"
    assert wish.name == "jax"


def test_an_image_that_was_typed_takes_the_place_of_the_projects_system(file: ProjectFile) -> None:
    request = profile_wish(file, None, typed(base_image="python:3.12-slim"), PackageSources()).wish.request
    assert (request.base_image, request.os) == ("python:3.12-slim", None)


def test_an_unknown_profile_is_named_with_similar_ones(file: ProjectFile) -> None:
    with pytest.raises(UsageError, match="lptop") as raised:
        profile_wish(file, "lptop", NOTHING, PackageSources())
    assert raised.value.hints == ("--profile laptop",)
    with pytest.raises(UsageError, match="gpu"):
        profile_wish(None, "gpu", NOTHING, PackageSources())


def test_nothing_asked_for_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing was asked for"):
        profile_wish(None, None, NOTHING, PackageSources())
    path = tmp_path / "envkit.yaml"
    path.write_text("profiles: {a: {recipes: [jax]}}\n", encoding="utf-8")
    file = load_project(path)
    assert profile_wish(file, "a", NOTHING, PackageSources()).wish.name == "jax"


def test_requirements_go_into_the_request(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("numpy<3\n", encoding="utf-8")
    (tmp_path / "requirements.txt").write_text(
        "--index-url https://mirror.example.com/simple\n-c more.txt\n"
        "torch==2.9.1+cu128\ntorchvision\neinops>=0.8\nnvidia-cublas-cu12==12.8.4.1\n",
        encoding="utf-8",
    )
    path = tmp_path / "envkit.yaml"
    path.write_text("recipes: [vllm, pytorch<3]\nrequirements: requirements.txt\n", encoding="utf-8")
    wished = profile_wish(load_project(path), None, NOTHING, PackageSources())
    request, sources = wished.wish.request, wished.wish.sources
    assert request.specs == (
        Spec(recipe="vllm"),
        Spec(recipe="pytorch", range="<3,==2.9.1", extras=("vision",)),
    )
    assert request.packages == ("einops>=0.8",)
    assert sources.constraints == (
        Setting(value=str(tmp_path / "more.txt"), origin=f"{tmp_path / 'requirements.txt'}:2"),
    )
    assert sources.index == Setting(
        value="https://mirror.example.com/simple", origin=str(tmp_path / "requirements.txt")
    )
    assert any("nvidia-cublas-cu12" in note for note in wished.notes)


def test_requirements_that_cannot_be_met_are_refused_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("einops\n-e ./package\n--pre\n", encoding="utf-8")
    path = tmp_path / "envkit.yaml"
    path.write_text("recipes: [jax]\nrequirements: requirements.txt\n", encoding="utf-8")
    with pytest.raises(DataError, match="cannot be met") as raised:
        profile_wish(load_project(path), None, NOTHING, PackageSources())
    assert [fact.rsplit(":", 1)[1] for fact in raised.value.facts] == ["2)", "3)"]


@pytest.mark.parametrize("name", ["environment.yml", "setup.py"])
def test_requirements_of_another_form_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("", encoding="utf-8")
    path = tmp_path / "envkit.yaml"
    path.write_text(f"recipes: [jax]\nrequirements: {name}\n", encoding="utf-8")
    with pytest.raises(UsageError, match="no format is known"):
        profile_wish(load_project(path), None, NOTHING, PackageSources())


def test_requirements_that_are_a_pipe_do_not_block(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "requirements.txt")
    path = tmp_path / "envkit.yaml"
    path.write_text("recipes: [jax]\nrequirements: requirements.txt\n", encoding="utf-8")
    with pytest.raises(DataError, match="not a regular file"):
        profile_wish(load_project(path), None, NOTHING, PackageSources())


@pytest.mark.parametrize(
    ("there", "profile", "words"),
    [
        ("a100*2,driver=550.54", "gpu", "first whose hardware is there"),
        ("a100*8", "gpu", "first whose hardware is there"),
        ("a100*2,driver=525.60", None, "is for driver 535 or newer, and there is 525.60"),
        ("a100", None, "`gpu` is for 2x nvidia sm_80, and there is 1x nvidia sm_80"),
        ("h100*8", None, "and there is 8x nvidia sm_90"),
        ("910b3*8", "ascend", "910b3"),
        ("cpu", "laptop", "because there is no accelerator"),
    ],
)
def test_the_first_profile_that_fits_a_machine_is_taken(
    file: ProjectFile, there: str, profile: str | None, words: str
) -> None:
    fitting = fitting_profile(file, machine(there), no_host)
    assert fitting is not None
    assert fitting.profile == profile
    assert words in fitting.reason


def test_a_profile_that_names_no_hardware_is_taken_by_name_alone(tmp_path: Path) -> None:
    path = tmp_path / "envkit.yaml"
    path.write_text("recipes: [jax]\nprofiles: {a: {packages: [rich]}, b: {host: gone.json}}\n", encoding="utf-8")
    fitting = fitting_profile(load_project(path), machine("h100"), no_host)
    assert fitting is not None
    assert fitting.profile is None
    assert "`a` names no hardware" in fitting.reason
    assert "`b` names a host that cannot be read" in fitting.reason


def test_a_project_without_profiles_has_none_that_fits(tmp_path: Path) -> None:
    path = tmp_path / "envkit.yaml"
    path.write_text("recipes: [jax]\n", encoding="utf-8")
    assert fitting_profile(load_project(path), machine("h100"), no_host) is None


def test_a_profile_for_a_vendor_fits_where_a_device_of_it_is(tmp_path: Path) -> None:
    path = tmp_path / "envkit.yaml"
    path.write_text("recipes: [jax]\nprofiles: {red: {on: amd}, green: {on: nvidia}}\n", encoding="utf-8")
    fitting = fitting_profile(load_project(path), machine("h100"), no_host)
    assert fitting is not None
    assert fitting.profile == "green"


def test_a_profile_tells_the_machine_that_it_is_for(file: ProjectFile, tmp_path: Path) -> None:
    devices = profile_facts(file, "gpu", no_host)
    assert devices is not None
    assert [device.architecture for device in devices.devices or ()] == ["sm_80", "sm_80"]
    assert profile_facts(file, "tools", no_host) is None
    on_cpu = profile_facts(file, "laptop", no_host)
    assert on_cpu is not None
    assert on_cpu.devices == ()
    path = tmp_path / "envkit.yaml"
    path.write_text("recipes: [jax]\nprofiles: {a: {host: hosts/a.json}}\n", encoding="utf-8")
    with pytest.raises(DataError, match=str(tmp_path / "hosts" / "a.json")):
        profile_facts(load_project(path), "a", no_host)
