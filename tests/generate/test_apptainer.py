"""Definition files of Apptainer: steps that really run, sections that shells read, and text that stays text."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from envkit.errors import DataError, UnsafeTextError
from envkit.generate import generate_artifacts
from envkit.model.artifact import Artifacts
from envkit.model.plan import DeviceRequest, Mount, Plan, RunSettings
from envkit.model.resolution import Base

MakePlan = Callable[..., Plan]
OUTPUTS = Path(__file__).parents[1] / "golden" / "outputs"
SECTIONS = ("files", "post", "environment", "runscript", "test", "labels")
SHELL_SECTIONS = ("post", "environment", "runscript", "test")
BASE = "python:3.11-slim-bookworm"
HOSTILE = (
    "$HOME `id` $(id) \\ \\n",
    "'single' \"double\"",
    "{{ PROOF }} {{{ }}} {{",
    "%post",
    "# comment",
    "; touch /tmp/x",
    "",
    "\u4e2d\u6587 \u00fc",
)


def sections(text: str) -> dict[str, list[str]]:
    """Return the lines of each section, and those before the first one as `header`, as Apptainer splits them."""
    found: dict[str, list[str]] = {"header": []}
    name = "header"
    for line in text.splitlines():
        if line.strip().startswith("%"):
            name = line.strip().removeprefix("%").split()[0]
            found[name] = []
        elif line.strip() and not (name == "header" and line.startswith("#")):
            found[name].append(line.strip())
    return found


def definition(plan: Plan) -> dict[str, list[str]]:
    return sections(generate_artifacts(plan, "apptainer").text("demo.def"))


def shown(plan: Plan, tmp_path: Path, *arguments: str) -> tuple[dict[str, str], list[str]]:
    """Return the environment and the words of what a definition starts, run by the shell of this machine."""
    found = definition(plan)
    program = tmp_path / "python"
    program.write_text(
        f"#!{sys.executable}\nimport json, os, sys\nprint(json.dumps([dict(os.environ), sys.argv[1:]]))\n"
    )
    program.chmod(0o755)
    script = "\n".join(line.replace("/opt/envkit/venv/bin", str(tmp_path)) for line in found["environment"])
    completed = subprocess.run(
        ["/bin/sh", "-eu", "-c", f"{script}\n" + "\n".join(found["runscript"]), "run", *arguments],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    environment, words = json.loads(completed.stdout)
    return environment, words


def test_every_golden_definition_has_all_sections_and_copies_what_is_there() -> None:
    paths = sorted(OUTPUTS.glob("*/*/apptainer/*.def"))
    assert len(paths) >= 72
    for path in paths:
        text = path.read_text(encoding="utf-8")
        found = sections(text)
        assert tuple(found) == ("header", *SECTIONS)
        keywords = [line.partition(":")[0] for line in found["header"]]
        assert keywords == ["Bootstrap", "From"]
        assert "{{" not in text
        assert not any("privileged" in line for line in text.splitlines())


def test_shellcheck_finds_nothing_in_golden_definitions(tmp_path: Path) -> None:
    texts = {
        "\n".join(["#!/bin/sh", *sections(path.read_text(encoding="utf-8"))[name], ""])
        for path in OUTPUTS.glob("*/*/apptainer/*.def")
        for name in SHELL_SECTIONS
    }
    scripts = [tmp_path / f"{number}.sh" for number in range(len(texts))]
    for script, text in zip(scripts, sorted(texts), strict=True):
        script.write_text(text, encoding="utf-8")
    # SC2016: values are meant as they stand.
    argv: list[str | Path] = [Path(sys.executable).with_name("shellcheck"), "--exclude=SC2016", *scripts]
    completed = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert completed.returncode == 0, completed.stdout


def test_each_copied_file_is_an_output(output_plan: Plan) -> None:
    artifacts = generate_artifacts(output_plan, "apptainer")
    (path,) = (file.path for file in artifacts.files if file.path.endswith(".def"))
    copied = [line.split() for line in sections(artifacts.text(path))["files"]]
    assert {source for source, _ in copied} == {file.path for file in artifacts.files} - {path}
    assert len({target for _, target in copied}) == len(copied)


def test_the_base_is_named_by_its_digest_alone(container_plan: MakePlan) -> None:
    """Apptainer refuses a reference that has a tag as well."""
    digest = f"sha256:{'2' * 64}"
    for image in ("registry.example.com:5000/team/python:3.11", f"registry.example.com:5000/team/python@{digest}"):
        plan = container_plan(base=Base(image=image, os="debian-12", digest=digest))
        assert definition(plan)["header"][1] == f"From: registry.example.com:5000/team/python@{digest}"
    tagged = container_plan(base=Base(image="python:3.11", os="debian-12"))
    assert definition(tagged)["header"][1] == "From: python:3.11"


def test_options_for_the_devices_and_mounts_are_said(container_plan: MakePlan) -> None:
    plan = container_plan(
        devices=DeviceRequest(count=1, apptainer=("--nv",)),
        mounts=(Mount(source="/srv/my data", target="/data", read_only=True),),
    )
    text = generate_artifacts(plan, "apptainer").text("demo.def")
    assert "#   apptainer test --nv --bind '/srv/my data:/data:ro' demo.sif\n" in text


@pytest.mark.parametrize("path", ["/a:b", "/a,b", "/a\\b"])
def test_paths_that_apptainer_would_split_are_refused(container_plan: MakePlan, path: str) -> None:
    with pytest.raises(DataError, match="cannot mount a path"):
        definition(container_plan(mounts=(Mount(source=path, target="/data"),)))


@pytest.mark.parametrize("text", HOSTILE)
def test_text_reaches_the_program_unchanged(container_plan: MakePlan, tmp_path: Path, text: str) -> None:
    plan = container_plan(run=RunSettings(environment={"VALUE": text}, command=("python", text, "end")))
    assert "{{" not in "".join(generate_artifacts(plan, "apptainer").text("demo.def"))
    environment, words = shown(plan, tmp_path)
    assert environment["VALUE"] == text
    assert words == [text, "end"]


def test_another_command_goes_before_the_usual_one(container_plan: MakePlan, tmp_path: Path) -> None:
    plan = container_plan(run=RunSettings(command=("python", "serve.py")))
    assert shown(plan, tmp_path, "python", "a b", "$x")[1] == ["a b", "$x"]
    assert shown(container_plan(), tmp_path)[1] == []


@pytest.mark.parametrize("text", ["a\n%post", "nul\x00", "bidi\u202e"])
def test_control_characters_are_refused(container_plan: MakePlan, text: str) -> None:
    plans = (
        container_plan(run=RunSettings(environment={"VALUE": text})),
        container_plan(run=RunSettings(command=(text,))),
        container_plan(labels={"dev.envkit.name": text}),
        container_plan(mounts=(Mount(source=text, target="/data"),)),
    )
    for plan in plans:
        with pytest.raises(UnsafeTextError):
            definition(plan)


def test_a_label_that_apptainer_would_change_is_refused(container_plan: MakePlan) -> None:
    with pytest.raises(DataError, match="would replace a part"):
        definition(container_plan(labels={"dev.envkit.name": "{{ x }}"}))


@pytest.fixture
def container(engine_ready: None) -> Iterator[str]:
    """A container of the base image that waits, without network."""
    del engine_ready
    name = f"envkit-test-{uuid.uuid4().hex[:12]}"
    docker("run", "--detach", "--name", name, "--network", "none", BASE, "sleep", "600")
    yield name
    docker("rm", "--force", name)


def docker(*arguments: str) -> str:
    argv = ["docker", *arguments]
    completed = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert completed.returncode == 0, completed.stderr
    return completed.stdout


def copy_files(artifacts: Artifacts, tmp_path: Path, name: str) -> None:
    for file in artifacts.files:
        (tmp_path / file.path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file.path).write_text(file.text, encoding="utf-8")
    for line in sections(artifacts.text("demo.def"))["files"]:
        source, target = line.split()
        docker("exec", name, "mkdir", "-p", str(Path(target).parent))
        docker("cp", str(tmp_path / source), f"{name}:{target}")


@pytest.mark.engine
def test_the_steps_make_an_environment_that_passes_its_test(
    container_plan: MakePlan, tmp_path: Path, container: str
) -> None:
    """Apptainer itself is in no archive that this can be installed from: its sections are run as it runs them."""
    artifacts = generate_artifacts(container_plan(locked={}, imports=("json",)), "apptainer")
    found = sections(artifacts.text("demo.def"))
    copy_files(artifacts, tmp_path, container)
    docker("exec", container, "sh", "-c", "\n".join(found["post"]))
    environment = "\n".join(found["environment"])
    test = "\n".join(found["test"])
    assert "0 of 0 packages equal the lock" in docker("exec", container, "sh", "-c", f"{environment}\n{test}")
    python = docker("exec", container, "sh", "-c", f"{environment}\ncommand -v python")
    assert python.strip() == "/opt/envkit/venv/bin/python"
    assert docker("exec", container, "sh", "-c", "ls -d /run/envkit /usr/lib/envkit-tools 2>/dev/null || true") == ""
