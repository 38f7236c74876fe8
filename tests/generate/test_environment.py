"""Environments of conda: Python from a channel, everything else by pip from the lock, and the machine they are for."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

from envkit.errors import DataError
from envkit.generate import generate_artifacts
from envkit.model.host import Runtime
from envkit.model.plan import Plan, SystemPackage
from envkit.model.resolution import PackageIndex

MakePlan = Callable[..., Plan]
GOLDEN = Path(__file__).parents[1] / "golden" / "outputs"
# https://docs.conda.io/projects/conda/en/stable/user-guide/tasks/manage-environments.html
KEYS = {"name", "channels", "dependencies", "platforms", "prefix", "variables"}
# https://docs.conda.io/projects/conda/en/stable/user-guide/tasks/manage-virtual.html
VIRTUAL = {"__glibc", "__cuda"}
LINE = re.compile(r"(\S+) --hash=sha256:[0-9a-f]{64}")
OPTION = re.compile(r"--only-binary :all:|--extra-index-url https://\S+")


def environment(plan: Plan) -> dict[str, object]:
    document = yaml.safe_load(generate_artifacts(plan, "environment").text("environment.yml"))
    return dict(document)


def test_python_comes_from_conda_and_each_package_with_its_hash_from_pip(container_plan: MakePlan) -> None:
    index = PackageIndex(name="x", url="https://download.pytorch.org/whl/cpu", packages=("torch",))
    found = environment(container_plan(locked={"numpy": "2.3.5"}, indexes=(index,)))
    assert (found["name"], found["channels"]) == ("demo", ["conda-forge", "nodefaults"])
    dependencies = found["dependencies"]
    assert isinstance(dependencies, list)
    python, pip, wheels = dependencies
    assert (python, pip) == ("python=3.11.*", "pip")
    extra, binary, numpy = wheels["pip"]
    assert (extra, binary) == ("--extra-index-url https://download.pytorch.org/whl/cpu", "--only-binary :all:")
    assert LINE.fullmatch(numpy)


def test_a_python_without_the_global_lock_is_asked_for_as_such(container_plan: MakePlan) -> None:
    dependencies = environment(container_plan(python="3.14t"))["dependencies"]
    assert isinstance(dependencies, list)
    assert dependencies[:2] == ["python=3.14.*", "python-freethreading=3.14.*"]


def test_the_machine_is_named_for_solvers_that_run_elsewhere(container_plan: MakePlan) -> None:
    plan = container_plan(vendor="nvidia", runtime=Runtime(name="cuda", version="12.8"))
    files = generate_artifacts(plan, "environment")
    document = yaml.safe_load(files.text("virtual-packages.yml"))
    assert document == {"subdirs": {"linux-64": {"packages": {"__cuda": "12.8"}}}}
    assert "the same with CONDA_OVERRIDE_CUDA=12.8\n" in files.text("environment.yml")


def test_what_the_distribution_has_to_bring_is_said(container_plan: MakePlan) -> None:
    plan = container_plan(system_packages=(SystemPackage(name="ffmpeg"),))
    assert "#   expected of the distribution: ffmpeg\n" in generate_artifacts(plan, "environment").text(
        "environment.yml"
    )
    with pytest.raises(DataError):
        environment(container_plan(system_packages=(SystemPackage(name="x\nname: y"),)))


def test_every_golden_environment_has_the_form_that_conda_reads() -> None:
    paths = sorted(GOLDEN.glob("*/*/environment/environment.yml"))
    assert len(paths) >= 12 * 6
    for path in paths:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert set(document) <= KEYS
        *_, pip, wheels = document["dependencies"]
        assert (pip, list(wheels)) == ("pip", ["pip"])
        for line in wheels["pip"]:
            found = LINE.fullmatch(line)
            assert found or OPTION.fullmatch(line), line
            assert found is None or Requirement(found[1]).specifier


def test_every_golden_machine_has_the_form_that_conda_lock_reads() -> None:
    for path in GOLDEN.glob("*/*/environment/virtual-packages.yml"):
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        ((subdirectory, entry),) = document["subdirs"].items()
        assert subdirectory in {"linux-64", "linux-aarch64"}
        assert set(entry["packages"]) <= VIRTUAL
        assert all(Version(version) for version in entry["packages"].values())
