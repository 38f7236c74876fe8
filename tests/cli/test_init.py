"""`envkit init` as it is run, and that the other commands take what it writes."""

import json
import os

import jsonschema
import pytest

from envkit.cli.schemas import schema_of
from envkit.data import load_document

CONDA = """\
name: Notebook
dependencies:
  - python=3.11.9
  - pytorch=2.9
  - torchvision
  - ffmpeg
  - pip:
    - einops
"""
COG = 'build:\n  python_version: "3.12"\n  python_packages: ["torch==2.9.1"]\n  run: [make]\n'
CONTAINER = '{\n  // a container\n  "image": "python:3.12-slim-bookworm",\n  "forwardPorts": [8888],\n}\n'
PYPROJECT = '[project]\nname = "mine"\nversion = "0"\nrequires-python = ">=3.11"\ndependencies = ["torch>=2.9"]\n'
PYLOCK = """\
lock-version = "1.0"
created-by = "uv"
[[packages]]
name = "torch"
version = "2.9.1"
wheels = [{url = "https://example.com/torch-2.9.1-py3-none-any.whl", hashes = {sha256 = "00"}}]
"""


def write(home, name: str, text: str) -> None:
    path = home.project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "text", "recipes"),
    [
        ("requirements.txt", "torch==2.9.*\ntorchvision\nrich\n", ["pytorch[vision]==2.9.*"]),
        ("pyproject.toml", PYPROJECT, ["pytorch>=2.9"]),
        ("pylock.toml", PYLOCK, ["pytorch==2.9.1"]),
        ("environment.yml", CONDA, ["pytorch[vision]==2.9.*"]),
        ("cog.yaml", COG, ["pytorch==2.9.1"]),
        (".devcontainer/devcontainer.json", CONTAINER, ["pytorch"]),
    ],
)
def test_a_file_of_another_tool_becomes_a_project_that_resolves(home, name: str, text: str, recipes: list[str]) -> None:
    write(home, name, text)
    ended = home.run("init")
    assert (ended.status, ended.stdout) == (0, ""), ended.stderr
    assert f"Read  {name}" in ended.stderr
    written = (home.project / "envkit.yaml").read_text(encoding="utf-8")
    document = load_document(written, "envkit.yaml")
    jsonschema.Draft202012Validator(schema_of("envkit-1")).validate(document)
    assert isinstance(document, dict)
    assert document["recipes"] == recipes
    resolved = home.run("resolve", "--target", "a100,driver=580.65.06", "--container", "--json")
    assert resolved.status == 0, resolved.stderr
    assert resolved.json["request"]["specs"][0]["recipe"] == "pytorch"


def test_a_machine_alone_gives_a_project_that_says_what_it_does_not_know(home) -> None:
    ended = home.run("init")
    assert ended.status == 0, ended.stderr
    assert "nothing told what is needed here" in ended.stderr
    assert oct((home.project / "envkit.yaml").stat().st_mode & 0o777) == "0o644"
    assert home.run("resolve", "--target", "cpu").status == 0


def test_specs_are_taken_and_no_file_is_read_beside_them(home) -> None:
    write(home, "requirements.txt", "jax\n")
    ended = home.run("init", "pytorch[audio]>=2.9", "transformers", "--dry-run", "--json")
    assert ended.json["project"]["recipes"] == ["pytorch[audio]>=2.9", "transformers"]
    assert not (home.project / "envkit.yaml").exists()


def test_several_files_are_put_together_and_the_others_are_named(home) -> None:
    write(home, "pyproject.toml", "[tool.ruff]\nline-length = 100\n")
    write(home, "requirements.txt", "jax\n")
    write(home, "requirements-dev.txt", "pytest\n")
    write(home, ".devcontainer/devcontainer.json", CONTAINER)
    ended = home.run("init", "--json")
    assert ended.json["sources"] == ["requirements.txt", ".devcontainer/devcontainer.json"]
    assert ended.json["project"]["run"] == {"ports": [8888]}
    assert ended.json["project"]["python"] == "3.12"
    assert "not read: requirements-dev.txt; `--from` names it" in ended.stderr


def test_what_was_left_out_is_said_with_place_and_reason_and_fits_its_schema(home) -> None:
    write(home, "cog.yaml", COG)
    ended = home.run("init", "--dry-run", "--json")
    jsonschema.Draft202012Validator(schema_of("envkit-init-1")).validate(ended.json)
    (left,) = ended.json["left_out"]
    assert (left["what"], left["place"]) == ("`build.run`", "cog.yaml:4")
    assert "left out `build.run`: commands are not part of a project file" in ended.stderr
    assert ended.json["written"] is False
    assert json.dumps(ended.json["project"]["recipes"]) == '["pytorch==2.9.1"]'


def test_dry_run_prints_what_would_be_written(home) -> None:
    shown = home.run("init", "jax", "--dry-run")
    assert not (home.project / "envkit.yaml").exists()
    assert home.run("init", "jax").status == 0
    assert (home.project / "envkit.yaml").read_text(encoding="utf-8") == shown.stdout


def test_a_file_that_is_there_is_replaced_by_force_alone(home) -> None:
    write(home, "envkit.yaml", "recipes: [jax]\n")
    refused = home.run("init", "pytorch")
    assert (refused.status, "error[EK0206]" in refused.stderr) == (2, True)
    assert "hint: envkit init pytorch --force" in refused.stderr
    assert (home.project / "envkit.yaml").read_text(encoding="utf-8") == "recipes: [jax]\n"
    assert home.run("init", "pytorch", "--force").status == 0
    assert "pytorch" in (home.project / "envkit.yaml").read_text(encoding="utf-8")
    assert sorted(path.name for path in home.project.iterdir()) == ["envkit.yaml"]


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("requirements.txt", "torch\nfoo bar\n", "requirements.txt:2"),
        ("pyproject.toml", "[project\n", "pyproject.toml:1:9"),
        ("pylock.toml", "lock-version = 2\n", "pylock.toml"),
        ("environment.yml", "dependencies: [a: b]\n", "environment.yml:1"),
        ("cog.yaml", "build:\n  python_version: 3.10\n", "cog.yaml:2"),
        ("devcontainer.json", '{\n  "features": [1]\n}\n', "devcontainer.json:2"),
        ("requirements.txt", "torch\n# \u202egnp.exe\n", "requirements.txt:2"),
    ],
)
def test_a_broken_file_ends_with_its_place(home, name: str, text: str, place: str) -> None:
    write(home, name, text)
    ended = home.run("init", "--from", name)
    assert ended.status == 8
    assert place in ended.stderr
    assert "error[EK08" in ended.stderr
    assert not (home.project / "envkit.yaml").exists()


def test_a_pipe_and_a_missing_file_end_at_once(home) -> None:
    os.mkfifo(home.project / "requirements.txt")
    assert home.run("init").status == 0  # what is no file is not found
    ended = home.run("init", "--force", "--from", "requirements.txt")
    assert (ended.status, "not a regular file" in ended.stderr) == (8, True)
    assert home.run("init", "--force", "--from", "gone/requirements.txt").status == 8
    assert home.run("init", "--force", "--from", "setup.py").status == 2


def test_text_that_would_write_other_fields_stays_text(home) -> None:
    write(
        home,
        "devcontainer.json",
        json.dumps({"containerEnv": {"A": 'x" #', "B": "y: [z]", "C": "${x}"}, "name": "a\nrecipes: [evil]"}),
    )
    refused = home.run("init", "--from", "devcontainer.json", "--json")
    assert refused.status == 0, refused.stderr
    assert refused.json["project"]["run"]["env"] == {"A": 'x" #', "B": "y: [z]"}
    assert refused.json["project"]["recipes"] == ["pytorch"]


def test_a_project_of_a_parent_holds_within_its_repository(tiny) -> None:
    (tiny.project / ".git").mkdir()
    write(
        tiny,
        "envkit.yaml",
        "name: mine\nrecipes: [tinyframe]\nrequirements: requirements.txt\nsources: {wheelhouse: wheels}\n"
        "profiles: {gpu: {target: h100}, here: {on: cpu}}\nrun: {env: {A: b}}\n",
    )
    write(tiny, "requirements.txt", "tinydep>=2\n")
    below = tiny.project / "src"
    below.mkdir()
    tiny.project = below
    up = tiny.run("up", "--native", "--offline", "--json")
    assert up.status == 0, up.stderr
    assert up.json["environment"]["name"] == "mine"
    assert up.json["resolution"]["request"]["packages"] == ["tinydep>=2"]
    assert "profile `here`, because there is no accelerator" in up.stderr
    assert tiny.run("up", "--native", "--offline", "--json").json["unchanged"] is True


def test_profiles_and_other_projects_are_named_on_the_command_line(home) -> None:
    write(home, "other/envkit.yaml", "recipes: [jax]\nprofiles: {big: {target: 'h100*8'}, small: {target: t4}}\n")
    asked = ("resolve", "--project", "other", "--json", "--container")
    big = home.run(*asked, "--profile", "big").json
    assert (big["request"]["on"], big["chosen"]["devices"]) == ("nvidia", [0, 1, 2, 3, 4, 5, 6, 7])
    fitted = home.run(*asked, "--target", "t4")
    assert "profile `small`, the first whose hardware is there: t4" in fitted.stderr
    other = home.run(*asked, "--target", "mi300x")
    assert "no profile is for this machine" in other.stderr
    assert home.run("resolve", "--project", "nowhere").status == 2
    assert "hint: --profile big" in home.run(*asked, "--profile", "bog").stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--os", "debian-99"), "`debian-12`"),
        (("--flavor", "large"), "`slim` or `devel`"),
        (("--native", "--os", "debian-12"), "`--os` is for containers"),
        (("--base-image", "python:3.12", "--os", "debian-12"), "give one"),
        (("--profile", "gpu"), "no profile of this name"),
    ],
)
def test_a_bad_choice_of_base_or_profile_is_named(home, options: tuple[str, ...], words: str) -> None:
    ended = home.run("resolve", "jax", *options)
    assert (ended.status, words in ended.stderr) == (2, True), ended.stderr
