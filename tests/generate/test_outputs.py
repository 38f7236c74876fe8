"""What holds for every output of every plan: files of the golden kind, the same bytes for the same plan."""

from collections.abc import Callable

import msgspec
import pytest

from envkit.data import load_pipelines
from envkit.errors import UnsatisfiableError
from envkit.generate import generate_artifacts, output_names, takes_project
from envkit.generate.options import Options
from envkit.model.artifact import Artifacts
from envkit.model.plan import Plan
from envkit.model.request import Mode
from tests.generate.conftest import plan_of

Compare = Callable[[Artifacts, str], None]
OF_ONE = tuple(output for output in output_names() if not takes_project(output))
OF_ALL = tuple(output for output in output_names() if takes_project(output))
DATA = Options(pipelines=load_pipelines())
WITHOUT_IMAGE = {"environment", "native", "pylock"}


def plan_for(output: str, plan: Plan) -> Plan:
    """Return a plan, or that of the machine itself for a format that cannot have what only a base image brings."""
    if not plan.brought or output not in WITHOUT_IMAGE:
        return plan
    return plan_of(plan.profile or "", plan.smoke[0].recipe, Mode.NATIVE)


def test_each_format_of_one_environment_gives_its_golden_files(output_plan: Plan, same_as_golden: Compare) -> None:
    recipe = output_plan.smoke[0].recipe
    for output in OF_ONE:
        same_as_golden(generate_artifacts(plan_for(output, output_plan), output), f"{output_plan.profile}/{recipe}")


def test_each_format_of_a_project_gives_its_golden_files(
    output_profiles: tuple[Plan, ...], same_as_golden: Compare
) -> None:
    recipe = output_profiles[0].smoke[0].recipe
    for output in OF_ALL:
        same_as_golden(generate_artifacts(output_profiles, output, DATA), f"project/{recipe}")


def test_a_plan_read_back_from_json_gives_the_same_bytes(output_plan: Plan) -> None:
    for output in OF_ONE:
        plan = plan_for(output, output_plan)
        again = msgspec.json.decode(msgspec.json.encode(plan), type=Plan)
        assert generate_artifacts(again, output) == generate_artifacts(plan, output)


def test_what_only_an_image_brings_is_refused_by_formats_without_one() -> None:
    plan = plan_of("hygon-k100", "pytorch")
    assert plan.brought["torch"] == plan.packages["torch"]
    for output in WITHOUT_IMAGE:
        with pytest.raises(UnsatisfiableError, match=f"has what that brings: torch {plan.packages['torch']}"):
            generate_artifacts(plan, output)
