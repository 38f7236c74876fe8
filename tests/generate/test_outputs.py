"""What holds for every output of every plan: files of the golden kind, the same bytes for the same plan."""

from collections.abc import Callable

import msgspec

from envkit.data import load_pipelines
from envkit.generate import generate_artifacts, output_names, takes_project
from envkit.generate.options import Options
from envkit.model.artifact import Artifacts
from envkit.model.plan import Plan

Compare = Callable[[Artifacts, str], None]
OF_ONE = tuple(output for output in output_names() if not takes_project(output))
OF_ALL = tuple(output for output in output_names() if takes_project(output))
DATA = Options(pipelines=load_pipelines())


def test_each_format_of_one_environment_gives_its_golden_files(output_plan: Plan, same_as_golden: Compare) -> None:
    recipe = output_plan.smoke[0].recipe
    for output in OF_ONE:
        same_as_golden(generate_artifacts(output_plan, output), f"{output_plan.profile}/{recipe}")


def test_each_format_of_a_project_gives_its_golden_files(
    output_profiles: tuple[Plan, ...], same_as_golden: Compare
) -> None:
    recipe = output_profiles[0].smoke[0].recipe
    for output in OF_ALL:
        same_as_golden(generate_artifacts(output_profiles, output, DATA), f"project/{recipe}")


def test_a_plan_read_back_from_json_gives_the_same_bytes(output_plan: Plan) -> None:
    again = msgspec.json.decode(msgspec.json.encode(output_plan), type=Plan)
    for output in OF_ONE:
        assert generate_artifacts(again, output) == generate_artifacts(output_plan, output)
