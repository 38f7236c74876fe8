"""Pipelines of GitLab: valid, with commands that a shell reads as they are meant, and secrets that are not shown."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from envkit.data import load_pipelines
from envkit.errors import DataError
from envkit.generate import generate_artifacts
from envkit.generate.options import Options
from envkit.model.plan import Plan

MakePlan = Callable[..., Plan]
PIPELINES = sorted((Path(__file__).parents[1] / "golden/outputs/project").glob("*/gitlab-ci/.gitlab-ci.yml"))
DATA = Options(pipelines=load_pipelines())


def pipeline(*plans: Plan) -> dict[str, Any]:
    (file,) = generate_artifacts(plans, "gitlab-ci", DATA).files
    assert file.path == ".gitlab-ci.yml"
    document: dict[str, Any] = yaml.safe_load(file.text)
    return document


def test_pipelines_are_valid_by_the_published_schema() -> None:
    assert len(PIPELINES) >= 6
    argv: list[str | Path] = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.gitlab-ci",
        *PIPELINES,
    ]
    completed = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert completed.returncode == 0, completed.stdout


def test_shellcheck_finds_nothing_in_the_commands(container_plan: MakePlan, tmp_path: Path) -> None:
    document = pipeline(container_plan(profile="gpu"))
    scripts = []
    for name in ("build", "publish"):
        script = tmp_path / f"{name}.sh"
        lines = [*document[".build"]["before_script"], *document[name]["script"]]
        script.write_text("\n".join(["#!/bin/sh", *lines]), encoding="utf-8")
        scripts.append(script)
    argv: list[str | Path] = [Path(sys.executable).with_name("shellcheck"), *scripts]
    completed = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert completed.returncode == 0, completed.stdout


def test_the_lock_is_checked_before_any_image_is_built(container_plan: MakePlan) -> None:
    document = pipeline(container_plan(profile="gpu"))
    assert document["stages"] == ["lock", "build"]
    assert document["lock"]["script"][-1] == "envkit lock --check"
    assert (document["lock"]["stage"], document[".build"]["stage"]) == ("lock", "build")


def test_only_the_default_branch_publishes(container_plan: MakePlan) -> None:
    document = pipeline(container_plan(profile="gpu"))
    assert "--push" not in document["build"]["script"][0]
    assert "--push" in document["publish"]["script"][0]
    assert document["publish"]["rules"] == [{"if": "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"}]
    assert document["build"]["extends"] == document["publish"]["extends"] == ".build"


def test_runners_are_told_apart_only_where_platforms_differ(container_plan: MakePlan) -> None:
    one = pipeline(container_plan(profile="a"))[".build"]
    assert one["parallel"]["matrix"] == [{"PROFILE": "a", "TAG": "a"}]
    assert "tags" not in one
    two = pipeline(container_plan(profile="a"), container_plan(profile="b", platform="linux/arm64"))[".build"]
    assert [row["RUNNER_TAG"] for row in two["parallel"]["matrix"]] == [
        "saas-linux-small-amd64",
        "saas-linux-small-arm64",
    ]
    assert two["tags"] == ["$RUNNER_TAG"]


def test_the_password_goes_through_stdin(container_plan: MakePlan) -> None:
    (login,) = (line for line in pipeline(container_plan())[".build"]["before_script"] if "docker login" in line)
    assert login.startswith('printf %s "$CI_REGISTRY_PASSWORD" |')
    assert "--password-stdin" in login


@pytest.mark.parametrize("profile", ["$CI_JOB_TOKEN", "$(id)", "a b", 'a"b', "a;b", "-x", "a\nb", ""])
def test_a_profile_whose_name_is_no_tag_is_refused(container_plan: MakePlan, profile: str) -> None:
    with pytest.raises(DataError, match="not the name of a profile"):
        pipeline(container_plan(profile=profile))
