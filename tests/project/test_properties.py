"""Laws: whatever stands in another tool's file becomes a project file that is read as it was meant, or an error."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envkit.data import decode_document
from envkit.errors import DataError
from envkit.model.host import HostFacts
from envkit.model.project import Project
from envkit.project.checks import find_faults
from envkit.project.files import read_foreign
from envkit.project.imports import importer_of
from envkit.project.jsonc import plain_json
from envkit.project.starting import start_project
from envkit.project.writing import project_text

KEYS = st.sampled_from(
    [
        "name",
        "image",
        "features",
        "forwardPorts",
        "runArgs",
        "mounts",
        "containerEnv",
        "remoteEnv",
        "build",
        "dependencies",
        "pip",
        "variables",
        "gpu",
        "python_version",
        "python_packages",
        "system_packages",
        "environment",
        "run",
        "source",
        "target",
        "type",
        "project",
        "dynamic",
    ]
)
WORDS = st.sampled_from(
    [
        "torch",
        "torch==2.9.*",
        "torch==2.9.1+cu128",
        "python=3.10",
        "numpy=1.2=py3_0",
        "ffmpeg",
        "-r",
        "-e",
        "--gpus",
        "all",
        "--shm-size=8g",
        "A=b",
        "source=.,target=/x,type=bind",
        "8888",
        "db:1",
        "${x}",
        "x@y",
        "pytorch::pytorch",
        "jax[cuda12]",
        "a;b",
        "#",
        "'",
        '"',
        "\\",
        "{",
        "}",
        "[",
        "]",
        ":",
        "-",
        "git",
    ]
)
TEXT = st.one_of(WORDS, st.text(max_size=12))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 70000), st.floats(allow_nan=False, allow_infinity=False), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.one_of(KEYS, TEXT), inner, max_size=4)),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=6)
LAW = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def become_project(directory: Path, name: str, text: str) -> None:
    path = directory / name
    path.write_bytes(text.encode(errors="surrogatepass"))
    with suppress(DataError):
        draft = importer_of(name).import_file(read_foreign(str(path)), str(path), read_foreign)
        start = start_project(directory, (), (draft,), HostFacts(devices=()))
        assert find_faults(start.project) == ()
        assert decode_document(project_text(start), "envkit.yaml", Project) == start.project


@pytest.mark.parametrize("name", ["cog.yaml", "environment.yml", "devcontainer.json"])
@LAW
@given(document=DOCUMENTS)
def test_documents_become_projects_or_errors(tmp_path: Path, name: str, document: object) -> None:
    become_project(tmp_path, name, json.dumps(document))


@pytest.mark.parametrize("name", ["requirements.txt", "pyproject.toml", "pylock.toml", "cog.yaml", "devcontainer.json"])
@LAW
@given(words=st.lists(st.one_of(WORDS, KEYS, st.text(max_size=5), st.just("\n")), max_size=20))
def test_texts_become_projects_or_errors(tmp_path: Path, name: str, words: list[str]) -> None:
    become_project(tmp_path, name, " ".join(words))


@LAW
@given(packages=st.lists(TEXT, max_size=5), name=TEXT)
def test_python_projects_become_projects_or_errors(tmp_path: Path, packages: list[str], name: str) -> None:
    lines = f"[project]\nname = {json.dumps(name)}\ndependencies = {json.dumps(packages)}\n"
    become_project(tmp_path, "pyproject.toml", lines)


@given(document=DOCUMENTS)
def test_json_without_comments_stays_as_it_is(document: object) -> None:
    text = json.dumps(document)
    assert json.loads(plain_json(text)) == document
