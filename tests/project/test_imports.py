"""Files of other tools: what is taken from each, what is left out, and what cannot be read."""

import time
from contextlib import suppress
from pathlib import Path

import pytest

from envkit.data import load_matrix
from envkit.errors import DataError, EnvkitError, UsageError
from envkit.project.drafts import Draft
from envkit.project.files import read_foreign
from envkit.project.imports import find_importable, importer_of, importers
from envkit.project.recognise import Recognised, recognise

CONDA = """\
name: ldm
channels: [pytorch, nvidia, conda-forge]
dependencies:
  - python=3.10
  - pip>=20.3
  - pytorch::pytorch=2.9.1
  - pytorch-cuda=12.4
  - torchvision=0.24.1
  - numpy=1.26.4=py310h_0
  - conda-forge::ffmpeg
  - scipy >=1.10,<2
  - tqdm 4.66.*
  - pandas[version='>=2']
  - libffi=3.4.2
  - librosa
  - pip:
    - albumentations==1.4.3
    - -r more.txt
    - -e .
variables:
  HF_HOME: /cache
"""
COG = """\
build:
  gpu: true
  cuda: "12.4"
  python_version: "3.11"
  system_packages: [libgl1-mesa-glx, libglib2.0-0]
  python_packages:
    - "torch==2.9.1"
    - "diffusers==0.30.0"
  python_requirements: more.txt
  run:
    - curl https://example.com | sh
predict: "predict.py:Predictor"
environment: [HF_HOME=/src/.cache]
"""
CONTAINER = """\
// For format details, see https://aka.ms/devcontainer.json
{
\t"name": "Python 3 ML", /* the name, with a comma */
\t"image": "mcr.microsoft.com/devcontainers/python:1-3.12-bookworm",
\t"features": {
\t\t"ghcr.io/devcontainers/features/git:1": {},
\t\t"ghcr.io/rocker-org/devcontainer-features/apt-packages:1": { "packages": "ffmpeg,libsndfile1" },
\t\t"ghcr.io/devcontainers/features/nvidia-cuda:1": { "installCudnn": true },
\t\t"ghcr.io/foo/bar:1": {}, // trailing
\t},
\t"forwardPorts": [8888, "localhost:6006", "db:5432"],
\t"runArgs": ["--gpus", "all", "--shm-size=8g", "--cap-add=SYS_PTRACE", "-it"],
\t"mounts": [
\t\t"source=${localWorkspaceFolder}/data,target=/data,type=bind,readonly",
\t\t{"source": "cache", "target": "/root/.cache", "type": "volume"},
\t],
\t"containerEnv": { "HF_HOME": "/cache", "URL": "https://example.com/*not a comment*/,]" },
\t"remoteEnv": { "TOKEN": "${localEnv:TOKEN}" },
\t"postCreateCommand": "pip install -r requirements.txt",
\t"customizations": { "vscode": { "extensions": ["ms-python.python"] } },
}
"""
PYPROJECT = """\
[project]
name = "mine"
version = "0"
requires-python = ">=3.11"
dependencies = [
  "vllm>=0.10,<1",
  "httpx; python_version >= '3.8'",
  "tensorflow-macos; sys_platform == 'darwin'",
  "foo @ git+https://example.com/foo",
]
[project.optional-dependencies]
dev = ["pytest"]
[dependency-groups]
test = ["pytest"]
[tool.uv.sources]
vllm = {index = "mine"}
"""
PYLOCK = """\
lock-version = "1.0"
created-by = "uv"
requires-python = ">=3.11"

[[packages]]
name = "einops"
version = "0.8.1"
wheels = [{ url = "https://example.com/einops-0.8.1-py3-none-any.whl", hashes = { sha256 = "00" } }]

[[packages]]
name = "mine"
directory = { path = "." }

[[packages]]
name = "torch"
version = "2.9.1+cu128"
wheels = [{ url = "https://example.com/torch-2.9.1%2Bcu128-py3-none-any.whl", hashes = { sha256 = "00" } }]
"""


def imported(directory: Path, name: str, text: str) -> tuple[Draft, Recognised]:
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    draft = importer_of(name).import_file(read_foreign(str(path)), str(path), read_foreign)
    return draft, recognise(draft, load_matrix().recipes)


def specs(found: Recognised) -> list[str]:
    return [str(spec) for spec in found.specs]


def reasons(found: Recognised, directory: Path) -> dict[str, str]:
    """Return the place of everything that was left out, by what it is."""
    return {left.what: left.place.removeprefix(f"{directory}/") for left in found.left_out}


def test_conda(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("rich\n", encoding="utf-8")
    draft, found = imported(tmp_path, "environment.yml", CONDA)
    assert (draft.name, draft.python, draft.env) == ("ldm", "==3.10.*", {"HF_HOME": "/cache"})
    assert draft.system_packages == ("ffmpeg",)
    assert specs(found) == ["pytorch[vision]==2.9.1.*"]
    assert found.packages == (
        "torchvision==0.24.1.*",
        "numpy==1.26.4",
        "scipy<2,>=1.10",
        "tqdm==4.66.*",
        "librosa",
        "albumentations==1.4.3",
        "rich",
    )
    assert reasons(found, tmp_path) == {
        "`pip>=20.3`": "environment.yml:5",
        "`pytorch-cuda=12.4`": "environment.yml:7",
        "`pandas[version='>=2']`": "environment.yml:13",
        "`libffi=3.4.2`": "environment.yml:14",
        "`-e .`": "environment.yml:19",
    }


def test_cog(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("rich\n", encoding="utf-8")
    draft, found = imported(tmp_path, "cog.yaml", COG)
    assert (draft.python, draft.env) == ("3.11", {"HF_HOME": "/src/.cache"})
    assert draft.system_packages == ("libgl1-mesa-glx", "libglib2.0-0")
    assert specs(found) == ["pytorch==2.9.1"]
    assert found.packages == ("diffusers==0.30.0", "rich")
    assert reasons(found, tmp_path) == {
        "`build.gpu`": "cog.yaml:2",
        "`build.cuda`": "cog.yaml:3",
        "`build.run`": "cog.yaml:10",
        "`predict`": "cog.yaml:12",
    }


def test_a_version_of_python_that_yaml_reads_as_a_number_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"in quotes.*cog\.yaml:2"):
        imported(tmp_path, "cog.yaml", "build:\n  python_version: 3.10\n")


def test_a_development_container(tmp_path: Path) -> None:
    draft, found = imported(tmp_path, ".devcontainer/devcontainer.json", CONTAINER)
    assert draft.name == "Python 3 ML"
    assert draft.image == "mcr.microsoft.com/devcontainers/python:1-3.12-bookworm"
    assert draft.system_packages == ("git", "ffmpeg", "libsndfile1")
    assert (draft.ports, draft.shm) == ((8888, 6006), "8g")
    assert draft.mounts == ("./data:/data:ro",)
    assert draft.env == {"HF_HOME": "/cache", "URL": "https://example.com/*not a comment*/,]"}
    assert reasons(found, tmp_path) == {
        "feature `ghcr.io/devcontainers/features/nvidia-cuda:1`": ".devcontainer/devcontainer.json:8",
        "feature `ghcr.io/foo/bar:1`": ".devcontainer/devcontainer.json:9",
        "port `db:5432`": ".devcontainer/devcontainer.json:11",
        "variable `TOKEN`": ".devcontainer/devcontainer.json:18",
        "mount `source=cache,target=/root/.cache,type=volume`": ".devcontainer/devcontainer.json:15",
        "`--gpus all`": ".devcontainer/devcontainer.json:12",
        "`--cap-add SYS_PTRACE`": ".devcontainer/devcontainer.json:12",
        "`-it`": ".devcontainer/devcontainer.json:12",
        "`postCreateCommand`": ".devcontainer/devcontainer.json:19",
    }


def test_a_python_project(tmp_path: Path) -> None:
    draft, found = imported(tmp_path, "pyproject.toml", PYPROJECT)
    assert (draft.name, draft.python) == ("mine", ">=3.11")
    assert specs(found) == ["vllm<1,>=0.10"]
    assert found.packages == ("httpx",)
    assert {left.what: left.lost for left in found.left_out} == {
        "optional dependencies `dev`": False,
        "dependency group `test`": False,
        "uv's source of `vllm`": False,
        "`tensorflow-macos; sys_platform == 'darwin'`": False,
        "`foo @ git+https://example.com/foo`": True,
    }
    assert reasons(found, tmp_path)["`foo @ git+https://example.com/foo`"] == "pyproject.toml:9"


def test_dependencies_that_a_build_system_makes_or_that_only_poetry_reads_are_told(tmp_path: Path) -> None:
    _, found = imported(tmp_path, "pyproject.toml", '[project]\nname = "x"\ndynamic = ["dependencies"]\n')
    assert reasons(found, tmp_path) == {"dynamic dependencies": "pyproject.toml:3"}
    _, found = imported(tmp_path, "pyproject.toml", '[tool.poetry.dependencies]\ntorch = "^2"\n')
    assert reasons(found, tmp_path) == {"[tool.poetry.dependencies]": "pyproject.toml:1"}


def test_a_lock_of_python_packages(tmp_path: Path) -> None:
    draft, found = imported(tmp_path, "pylock.toml", PYLOCK)
    assert draft.python == ">=3.11"
    assert specs(found) == ["pytorch==2.9.1"]
    assert found.packages == ("einops==0.8.1",)
    assert reasons(found, tmp_path) == {
        "files and hashes of 2 packages": "pylock.toml",
        "`mine`": "pylock.toml:10",
        "`+cu128` of `torch`": "pylock.toml:14",
    }


def test_requirements(tmp_path: Path) -> None:
    (tmp_path / "base.txt").write_text("-r requirements.txt\nxgboost ; python_version >= '3.9'\n", encoding="utf-8")
    _, found = imported(
        tmp_path,
        "requirements.txt",
        "# comment\n\n-r base.txt\n--extra-index-url=https://download.pytorch.org/whl/cu128\n"
        "torch == 2.9.* # inline\ntorchvision\ntensorflow[and-cuda] \\\n  ==2.20.*\n"
        "einops==0.8.1 --hash=sha256:00 \\\n  --hash=sha256:11\nhttpx[http2]>=0.27;python_version<'3.13'\n"
        "--prefer-binary\n",
    )
    assert specs(found) == ["xgboost", "pytorch[vision]==2.9.*", "tensorflow==2.20.*"]
    assert found.packages == ("einops==0.8.1", 'httpx[http2]>=0.27; python_version < "3.13"')
    assert reasons(found, tmp_path) == {
        "2 hashes of `einops==0.8.1`": "requirements.txt:9",
        "extra `and-cuda` of `tensorflow`": "requirements.txt:7",
        "index `https://download.pytorch.org/whl/cu128`": "requirements.txt:4",
    }
    assert not any(left.lost for left in found.left_out)


@pytest.mark.parametrize(
    "line",
    [
        "-e .",
        "--editable=git+https://example.com/x",
        "./local.whl",
        "../other",
        "https://example.com/x-1-py3-none-any.whl",
        "git+https://example.com/x",
        "x @ https://example.com/x.tar.gz",
        "torch @ https://example.com/torch-2.9.1-cp312-cp312-linux_x86_64.whl",
        "--pre",
        "--find-links ./wheels",
        "--no-binary :all:",
        "--extra-index-url https://mirror.example.com/simple",
        "--index-url https://user:secret@mirror.example.com/simple",
        "--index-url ${INDEX}",
        "-r https://example.com/requirements.txt",
        "pytorch-pretrained-bert",
    ],
)
def test_a_line_that_cannot_be_met_is_lost_with_its_place(tmp_path: Path, line: str) -> None:
    _, found = imported(tmp_path, "requirements.txt", f"torch\n{line}\n")
    assert [(left.lost, left.place) for left in found.left_out] == [(True, f"{tmp_path}/requirements.txt:2")]
    assert "secret" not in found.left_out[0].what
    assert specs(found) == ["pytorch"]
    assert found.packages == ()


@pytest.mark.parametrize(
    ("text", "expected", "packages"),
    [
        ("jax[cuda12]>=0.7", ["jax>=0.7"], ()),
        ("jax[cuda12-local]", ["jax"], ()),
        ("onnxruntime-gpu>=1.20", ["onnxruntime>=1.20"], ()),
        ("paddlepaddle_gpu", ["paddle"], ()),
        ("tensorflow-gpu<3", ["tensorflow<3"], ()),
        ("Torch>=2\ntorch<3", ["pytorch<3,>=2"], ()),
        ("transformers[sentencepiece]>=4", ["transformers>=4"], ("transformers[sentencepiece]>=4",)),
        ("torch>=2; python_version < '3.12'", ["pytorch"], ('torch>=2; python_version < "3.12"',)),
        ("torch>=2; sys_platform == 'linux'", ["pytorch>=2"], ()),
        ("torch\ntorchvision==0.24.1+cu128\ntorch-npu", ["pytorch[vision]"], ("torchvision==0.24.1",)),
        ("triton", ["triton"], ()),
        ("torch\ntriton==3.5.0\nnvidia-nccl-cu12", ["pytorch"], ()),
        ("numpy\ntorch", ["pytorch"], ("numpy",)),
        ("nvidia-ml-py", [], ("nvidia-ml-py",)),
    ],
)
def test_frameworks_are_known_by_their_packages(
    tmp_path: Path, text: str, expected: list[str], packages: tuple[str, ...]
) -> None:
    _, found = imported(tmp_path, "requirements.txt", text + "\n")
    assert specs(found) == expected
    assert found.packages == packages
    assert not any(left.lost for left in found.left_out)


BROKEN = [
    ("requirements.txt", "numpy\ntorch >> 2\n", ":2"),
    ("requirements.txt", "--nonsense\n", ":1"),
    ("requirements.txt", "numpy\n-r gone.txt\n", "gone.txt"),
    ("requirements.txt", "-r\n", ":1"),
    ("requirements.txt", "numpy\x1b[31m\n", ":1"),
    ("requirements.txt", "--index-url http://[x\n", ":1"),
    ("pyproject.toml", "[project\n", ":1:9"),
    ("pyproject.toml", '[project]\nname = "x"\ndependencies = ["a b"]\n', ":3"),
    ("pyproject.toml", '[project]\ndependencies = "torch"\n', ":2"),
    ("pyproject.toml", 'project = "x"\n', "pyproject.toml"),
    ("pyproject.toml", '[project]\ndependencies = ["a\\u202eb"]\n', "pyproject.toml"),
    ("pyproject.toml", "a = " + "[" * 5000, "pyproject.toml"),
    ("pylock.toml", "lock-version = 1\n", "pylock.toml"),
    ("pylock.toml", "lock-version = \n", ":1:16"),
    ("environment.yml", "- a\n", ":1"),
    ("environment.yml", "name: x\ndependencies: numpy\n", ":2"),
    ("environment.yml", "dependencies:\n  - numpy\n  - {conda: [x]}\n", ":3"),
    ("environment.yml", "dependencies:\n  - pip:\n    - numpy\n    - a b\n", ":4"),
    ("environment.yml", "dependencies: [*x]\n", ":1:16"),
    ("environment.yml", "a: !!python/object:os.system x\n", ":1:4"),
    ("cog.yaml", "build: [x]\n", ":1"),
    ("cog.yaml", "build:\n  python_packages: torch\n", ":2"),
    ("cog.yaml", "build: {\n", ":2:1"),
    ("devcontainer.json", "[]", ":1"),
    ("devcontainer.json", '{"features": [1]}', ":1"),
    ("devcontainer.json", '{\n"forwardPorts": 8888}', ":2"),
    ("devcontainer.json", '{\n"a": "b\n}', ":3:2"),
    ("devcontainer.json", "{" * 300, "devcontainer.json"),
]


@pytest.mark.parametrize(("name", "text", "place"), BROKEN)
def test_a_broken_file_is_told_with_its_place(tmp_path: Path, name: str, text: str, place: str) -> None:
    with pytest.raises(DataError) as raised:
        imported(tmp_path, name, text)
    told = " ".join((raised.value.message, *raised.value.facts))
    assert name in told
    assert place in told
    assert "\x1b" not in told


def test_every_format_has_a_broken_file_above() -> None:
    tried = {importer_of(name) for name, _, _ in BROKEN}
    assert tried == set(importers())


def test_a_file_of_no_known_name_is_refused_with_those_that_are() -> None:
    with pytest.raises(UsageError, match=r"setup\.py") as raised:
        importer_of("setup.py")
    assert "`cog.yaml`" in raised.value.hints[0]
    with pytest.raises(EnvkitError, match="cog"):
        importer_of("cog.yaml", roles=frozenset({"requirements"}))


def test_files_of_a_directory_are_found_in_order(tmp_path: Path) -> None:
    for name in ("requirements.txt", "environment.yml", ".devcontainer/devcontainer.json", "pylock.gpu.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("", encoding="utf-8")
    (tmp_path / "cog.yaml").mkdir()
    found = [str(path.relative_to(tmp_path)) for _, path in find_importable(tmp_path)]
    assert found == ["environment.yml", "requirements.txt", "pylock.gpu.toml", ".devcontainer/devcontainer.json"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("devcontainer.json", "{" + "/*" * 200_000),
        ("devcontainer.json", '{"a": 1,' + "/* */" * 50_000 + "x"),
        ("devcontainer.json", '{"a": "' + '\\"' * 200_000),
        ("devcontainer.json", "{" + "," * 200_000),
        ("requirements.txt", "numpy" + " " * 400_000 + "x"),
        ("requirements.txt", "numpy" + " --" * 200_000),
        ("requirements.txt", "numpy" + ".whl#" * 100_000),
        ("environment.yml", "dependencies: ['" + "a=" * 100_000 + "']"),
    ],
)
def test_text_that_is_made_to_be_slow_is_not(tmp_path: Path, name: str, text: str) -> None:
    started = time.monotonic()
    with suppress(DataError):
        imported(tmp_path, name, text)
    assert time.monotonic() - started < 5


def test_requirements_that_include_each_other_end(tmp_path: Path) -> None:
    for number in range(60):
        (tmp_path / f"r{number}.txt").write_text(f"-r r{number + 1}.txt\n", encoding="utf-8")
    with pytest.raises(DataError, match="more than 50 files"):
        imported(tmp_path, "requirements.txt", "-r r0.txt\n")


def test_channels_keys_and_indexes_without_a_like_are_told_without_their_passwords(tmp_path: Path) -> None:
    _, conda = imported(
        tmp_path,
        "environment.yml",
        "channels: [conda-forge, nodefaults, 'https://joe:secret@conda.example.com/own']\n"
        "dependencies: [python=3.12]\nprefix: /opt/env\nsomething: 1\n",
    )
    assert reasons(conda, tmp_path) == {
        "channel `https://conda.example.com/own`": "environment.yml:1",
        "`prefix`": "environment.yml:3",
        "`something`": "environment.yml:4",
    }
    uv = '[project]\nname = "mine"\n[[tool.uv.index]]\nname = "own"\nurl = "https://joe:secret@example.com/simple"\n'
    _, project = imported(tmp_path, "pyproject.toml", uv)
    assert reasons(project, tmp_path) == {"index `https://example.com/simple`": "pyproject.toml:5"}
    served = PYLOCK.replace('version = "0.8.1"', 'version = "0.8.1"\nindex = "https://joe:secret@example.com/simple/"')
    _, lock = imported(tmp_path, "pylock.toml", served)
    assert reasons(lock, tmp_path)["index `https://example.com/simple`"] == "pylock.toml:5"


def test_requirements_that_powershell_wrote(tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    for encoding in ("utf-16", "utf-8-sig"):
        path.write_text("rich\r\n", encoding=encoding)
        assert read_foreign(str(path)) == "rich\r\n"
    path.write_bytes(b"\xff\xfer\x00i")
    with pytest.raises(DataError, match="not UTF"):
        read_foreign(str(path))
