import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from envkit.data import load_matrix
from envkit.errors import DataError, UnsatisfiableError, UsageError
from envkit.generate import generate_artifacts, output_names
from envkit.generate.options import Dialect, Options
from envkit.generate.parseback import parse_dockerfile
from envkit.model.plan import Plan, RunSettings, SystemPackage
from envkit.model.resolution import Base, PackageIndex

MakePlan = Callable[..., Plan]
GOLDEN = Path(__file__).parents[1] / "golden" / "dockerfile"
# To take what is generated now as golden, and then read the difference: ENVKIT_UPDATE_GOLDEN=1 pytest tests/generate
UPDATE = bool(os.environ.get("ENVKIT_UPDATE_GOLDEN"))
TORCH = ("torch", "torchvision")
APT, DNF = (load_matrix(()).package_manager(name) for name in ("apt", "dnf"))
CASES: dict[str, dict[str, object]] = {
    "cpu-wheelhouse": {},
    "nvidia-cu128": {
        "vendor": "nvidia",
        "variant": "cu128",
        "packages": {"torch": "2.9.1+cu128"},
        "locked": {"torch": "2.9.1+cu128", "nvidia-cublas-cu12": "12.8.4.1", "typing-extensions": "4.15.0"},
        "indexes": (PackageIndex(name="pytorch-cu128", url="https://download.pytorch.org/whl/cu128", packages=TORCH),),
    },
    "amd-rocm6.4": {
        "vendor": "amd",
        "variant": "rocm6.4",
        "python": "3.12",
        "locked": {"torch": "2.9.1+rocm6.4", "pytorch-triton-rocm": "3.5.1"},
        "base": Base(image="python:3.12-slim-bookworm", os="debian-12"),
        "indexes": (
            PackageIndex(name="pytorch-rocm6.4", url="https://download.pytorch.org/whl/rocm6.4", packages=TORCH),
        ),
    },
    "debian-packages-and-run-settings": {
        "package_manager": APT,
        "system_packages": (SystemPackage(name="git", version="1:2.39.5-0+deb12u2"), SystemPackage(name="ffmpeg")),
        "run": RunSettings(
            ports=(8888,),
            environment={"HF_HOME": "/cache/hf", "GREETING": 'a "quoted" $word'},
            command=("jupyter", "lab", "--ip=0.0.0.0"),
        ),
    },
    "rocky-without-python": {
        "python": "3.12",
        "base": Base(image="rockylinux/rockylinux:9", os="rocky-9", python_program="python3.12", ensurepip=False),
        "package_manager": DNF,
        "system_packages": (SystemPackage(name="python3.12", version="3.12.5-2.el9"),),
    },
}
DIALECTS = tuple(Dialect)
PROGRAMS = (".py", ".sh")
HOSTILE = [
    "x\nFROM evil:1",
    "$(id)",
    "${HOME}",
    "`id`",
    'a"b',
    "a\\",
    "x\0",
    "\u202e",
    "<<EOF",
    "# escape=`",
    "x" * 9999,
]


def place(case: str, dialect: Dialect) -> str:
    return case if dialect is Dialect.BUILDKIT else f"{case}-{dialect}"


def golden(case: str, texts: dict[str, str]) -> dict[str, str]:
    directory = GOLDEN / case
    if UPDATE:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (directory / name).write_text(text, encoding="utf-8")
    return {path.name: path.read_text(encoding="utf-8") for path in directory.iterdir()}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("case", CASES)
def test_generated_files_are_the_golden_ones(case: str, dialect: Dialect, container_plan: MakePlan) -> None:
    artifacts = generate_artifacts(container_plan(**CASES[case]), "dockerfile", Options(dialect=dialect))
    # The programs are the same in all, and have tests of their own.
    texts = {file.path: file.text for file in artifacts.files if not file.path.endswith(PROGRAMS)}
    assert texts == golden(place(case, dialect), texts)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("case", CASES)
def test_hadolint_finds_nothing(case: str, dialect: Dialect) -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    file = GOLDEN / place(case, dialect) / "Dockerfile"
    completed = subprocess.run([hadolint, "--no-color", file], check=False, capture_output=True, text=True, timeout=60)
    assert (completed.returncode, completed.stdout) == (0, "")


def test_equal_plans_give_equal_bytes(container_plan: MakePlan) -> None:
    assert generate_artifacts(container_plan(), "dockerfile") == generate_artifacts(container_plan(), "dockerfile")


def test_nothing_of_the_network_or_the_environment_s_name_is_in_the_files(container_plan: MakePlan) -> None:
    plan = container_plan(name="secret-project", labels={"a": "secret"}, fingerprint="secret")
    texts = "".join(file.text for file in generate_artifacts(plan, "dockerfile").files)
    assert not {word for word in ("secret-project", "word@", "mirror.example.com") if word in texts}


def test_commands_are_run_without_a_shell_and_no_frontend_is_fetched(container_plan: MakePlan) -> None:
    text = generate_artifacts(container_plan(), "dockerfile").text("Dockerfile")
    commands = [found for found in parse_dockerfile(text) if found.keyword in {"RUN", "CMD"}]
    assert commands
    assert all(found.arguments.rpartition(" [")[2].endswith('"]') for found in commands)
    assert "syntax=" not in text


def test_final_stage_runs_as_an_unprivileged_user(container_plan: MakePlan) -> None:
    instructions = parse_dockerfile(generate_artifacts(container_plan(), "dockerfile").text("Dockerfile"))
    last_stage = instructions[max(i for i, found in enumerate(instructions) if found.keyword == "FROM") :]
    assert [found.arguments for found in last_stage if found.keyword == "USER"] == ["1000:1000"]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:12]))
@pytest.mark.parametrize("field", ["image", "digest", "module", "package", "version", "index"])
def test_hostile_text_is_refused_in_every_field_that_reaches_a_file(
    field: str, text: str, container_plan: MakePlan
) -> None:
    fields: dict[str, dict[str, object]] = {
        "image": {"base": Base(image=text, os="debian-12")},
        "digest": {"base": Base(image="python:3.11", os="debian-12", digest=text)},
        "module": {"imports": (text,)},
        "package": {"locked": {text: "1"}},
        "version": {"locked": {"torch": text}},
        "index": {"indexes": (PackageIndex(name="x", url=f"https://example.com/{text}", packages=TORCH),)},
    }
    with pytest.raises(DataError):
        generate_artifacts(container_plan(**fields[field]), "dockerfile")


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:12]))
def test_hostile_name_or_label_reaches_no_file(text: str, container_plan: MakePlan) -> None:
    packages = container_plan().packages | {text: text}
    hostile = container_plan(name=text, labels={text: text}, fingerprint=text, variant=text, packages=packages)
    assert generate_artifacts(hostile, "dockerfile") == generate_artifacts(container_plan(), "dockerfile")


def test_plan_without_a_base_image_gives_no_dockerfile(container_plan: MakePlan) -> None:
    with pytest.raises(UnsatisfiableError):
        generate_artifacts(container_plan(base=None), "dockerfile")


def test_unknown_format_is_refused_with_the_known_ones(container_plan: MakePlan) -> None:
    assert "dockerfile" in output_names()
    with pytest.raises(UsageError) as refusal:
        generate_artifacts(container_plan(), "../dockerfile")
    assert "--format dockerfile" in refusal.value.hints


def test_hadolint_finds_nothing_in_the_images_of_recorded_machines() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    found = sorted((GOLDEN.parent / "outputs").glob("*/*/dockerfile/Dockerfile"))
    assert len(found) >= 72
    completed = subprocess.run(
        [hadolint, "--no-color", *found], check=False, capture_output=True, text=True, timeout=60
    )
    assert (completed.returncode, completed.stdout) == (0, "")
