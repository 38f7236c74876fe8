"""Text from outside in formats that are YAML, JSON or templates of another tool: refused, or read back as it was."""

import json
from collections.abc import Callable

import pytest
import yaml

from envkit.data import load_pipelines
from envkit.errors import EnvkitError
from envkit.generate import generate_artifacts
from envkit.generate.options import Options
from envkit.model.plan import Mount, Plan, RunSettings
from envkit.model.text import unsafe_character

MakePlan = Callable[..., Plan]
HOSTILE = (
    *(
        "x\nFROM evil:1",
        "a\rb",
        "x\0",
        "\x1b[31m",
        "\u202e",
        "\u2028",
        "$(id)",
        "`id`",
        "${HOME}",
        "$HOME",
        "$$",
        "%{x}",
    ),
    *(
        'a"b',
        "a'b",
        "a\\",
        "#x",
        "a #b",
        "- a",
        "a: b",
        "{a}",
        "[a]",
        "&a",
        "*a",
        "!!python/name:os.system",
        "no",
        "1e3",
    ),
    *("--privileged", "; id", "| id", "{{ 7 * 7 }}", "<<: *x", "~", " a ", "\N{SNOWMAN}", "x" * 9999),
)
DATA = Options(pipelines=load_pipelines())


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_compose_reads_texts_as_they_were(container_plan: MakePlan, text: str) -> None:
    settings = RunSettings(environment={"KEY": text}, command=("run", text))
    plan = container_plan(run=settings, mounts=(Mount(source=f"/{text}", target=f"/t/{text}"),))
    try:
        written = generate_artifacts(plan, "compose").text("compose.yaml")
    except EnvkitError:
        assert unsafe_character(text) is not None
        return
    ((name, service),) = yaml.safe_load(written)["services"].items()
    literal = text.replace("$", "$$")
    assert (name, service["environment"]["KEY"], service["command"]) == ("demo", literal, ["run", literal])
    assert (service["volumes"][1]["source"], service["volumes"][1]["target"]) == (f"/{literal}", f"/t/{literal}")


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_development_container_has_texts_as_they_were(container_plan: MakePlan, text: str) -> None:
    plan = container_plan(run=RunSettings(environment={"KEY": text}))
    try:
        written = generate_artifacts(plan, "devcontainer").text(".devcontainer/devcontainer.json")
    except EnvkitError:
        assert unsafe_character(text) is not None or text == "${HOME}"
        return
    assert json.loads(written)["containerEnv"] == {"KEY": text}


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_labels_of_bake_are_no_templates(container_plan: MakePlan, text: str) -> None:
    plan = container_plan(labels={"key": text}, profile=text)
    try:
        written = generate_artifacts(plan, "bake").text("docker-bake.json")
    except EnvkitError:
        assert unsafe_character(text) is not None
        return
    ((name, target),) = json.loads(written)["target"].items()
    assert target["labels"]["key"] == text.replace("${", "$${").replace("%{", "%%{")
    assert name.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize("output", ["native", "environment"])
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_versions_and_platforms_cannot_leave_their_place(container_plan: MakePlan, text: str, output: str) -> None:
    try:
        files = generate_artifacts(container_plan(python=text, locked={"a": text}), output, DATA).files
    except EnvkitError:
        return
    assert text in {"no", "1e3", "x" * 9999}
    assert files
