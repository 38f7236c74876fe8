"""The project file: where it is found, what is read of it, and everything that can be wrong in it."""

import os
from pathlib import Path

import pytest

from envkit.errors import DataError, UnsafeTextError
from envkit.project.reading import find_project, load_project


def write(directory: Path, text: str) -> Path:
    path = directory / "envkit.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_file_of_a_parent_is_found_up_to_the_root_of_the_repository(tmp_path: Path) -> None:
    outer = write(tmp_path, "recipes: [jax]\n")
    repository = tmp_path / "repository"
    below = repository / "src" / "deep"
    below.mkdir(parents=True)
    (repository / ".git").mkdir()
    assert find_project(below) is None
    inner = write(repository, "recipes: [pytorch]\n")
    assert find_project(below) == inner
    assert find_project(tmp_path) == outer


def test_outside_of_a_repository_no_parent_is_looked_at(tmp_path: Path) -> None:
    write(tmp_path, "recipes: [jax]\n")
    below = tmp_path / "below"
    below.mkdir()
    assert find_project(below) is None


def test_everything_of_the_contract_is_read(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
format: envkit/1
name: my-project
recipes: [pytorch>=2.9, vllm]
packages: [transformers, jupyterlab]
system_packages: [git, "ffmpeg=7:5.1.6-0+deb12u1"]
python: ">=3.11"
base: {os: debian-12, flavor: slim}
profiles: {gpu: {target: "a100, driver>=535"}, amd: {target: mi300x}, laptop: {on: cpu, packages: [rich]}}
run: {ports: [8888], mounts: [.:/workspace], env: {HF_HOME: /cache/hf}, shm: 8g, command: jupyter lab}
sources: {wheelhouse: wheels/, ca_certificate: corporate.pem, indexes: {pytorch-cpu: "https://mirror.example.com/cpu"}}
""",
    )
    file = load_project(path)
    assert file.directory == tmp_path
    assert list(file.project.profiles) == ["gpu", "amd", "laptop"]
    assert file.project.run.command == "jupyter lab"
    assert file.project.sources.wheelhouse == (str(tmp_path / "wheels"),)
    assert file.project.sources.ca_certificate == str(tmp_path / "corporate.pem")


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ("name: My Project", "$.name", "lower-case"),
        ("recipes: [jax, pytorhc]", "$.recipes[1]", "did you mean `pytorch`"),
        ('recipes: ["pytorch>>2"]', "$.recipes[0]", "pytorch>>2"),
        ('recipes: ["pytorch[visoin]"]', "$.recipes[0]", "it has `audio`, `numpy`, `vision`"),
        ("packages: [foo bar]", "$.packages[0]", "foo bar"),
        ("requirements: src/", "$.requirements", "path of a file"),
        ("system_packages: [git, '; rm -rf /']", "$.system_packages[1]", "`name=version`"),
        ("system_packages: [--allow-unauthenticated]", "$.system_packages[0]", "`name=version`"),
        ("python: abc", "$.python", "`>=3.11`"),
        ("base: {os: debian-99}", "$.base.os", "`debian-12`"),
        ("base: {image: 'a b'}", "$.base.image", "name:tag"),
        ("base: {image: 'python:3.12', os: debian-12}", "$.base", "without `os`"),
        ("base: {flavor: large}", "$.base.flavor", "large"),
        ("profiles: {../x: {}}", "$.profiles", "part of file names"),
        ("profiles: {a.b: {}}", "$.profiles.a.b", "part of file names"),
        ("profiles: {a: {target: h100, host: x.json}}", "$.profiles.a", "both name the hardware"),
        ("profiles: {a: {target: h1000}}", "$.profiles.a.target", "did you mean `H100`"),
        ("profiles: {a: {on: nvidja}}", "$.profiles.a.on", "nvidja"),
        ("profiles: {a: {devices: [0, 0]}}", "$.profiles.a.devices", "each once"),
        ("profiles: {a: {engine: rocket}}", "$.profiles.a.engine", "`docker`"),
        ("profiles: {a: {recipes: [nonsense]}}", "$.profiles.a.recipes[0]", "nonsense"),
        ("profiles: {a: {base: {os: x}}}", "$.profiles.a.base.os", "x"),
        ("run: {ports: [0]}", "$.run.ports[0]", "from 1 to 65535"),
        ("run: {ports: [65536]}", "$.run.ports[0]", "from 1 to 65535"),
        ("run: {ports: [80, 80]}", "$.run.ports[1]", "twice"),
        ("run: {mounts: ['.:workspace']}", "$.run.mounts[0]", "SOURCE:/TARGET"),
        ("run: {mounts: ['~nobody-has-this-name:/x']}", "$.run.mounts[0]", "home"),
        ("run: {env: {'A B': x}}", "$.run.env.A B", "no digit first"),
        ("run: {shm: 8x}", "$.run.shm", "`8g`"),
        ("run: {shm: 0g}", "$.run.shm", "`8g`"),
        ('run: {command: "jupyter \'lab"}', "$.run.command", "no closing quotation"),
        ("sources: {index: 'ftp://x'}", "$.sources.index", "https://"),
        ("recipies: [pytorch]", "$.recipies", "did you mean `recipes`"),
        ("run: {port: [1]}", "$.run.port", "did you mean `ports`"),
        ("recipes: pytorch", "$.recipes", "expected `array`"),
    ],
)
def test_a_bad_value_is_named_with_file_line_and_path(tmp_path: Path, text: str, path: str, words: str) -> None:
    file = write(tmp_path, f"format: envkit/1\n{text}\n")
    with pytest.raises(DataError) as raised:
        load_project(file)
    assert f"`{path}" in raised.value.message
    assert f"{file}:2:" in raised.value.message
    assert words in raised.value.message


def test_all_faults_are_told_together(tmp_path: Path) -> None:
    file = write(tmp_path, "name: X\nrecipes: [nonsense]\nrun: {ports: [0]}\n")
    with pytest.raises(DataError, match="3 faults") as raised:
        load_project(file)
    assert [line.rsplit(":", 2)[1] for line in raised.value.facts] == ["1", "2", "3"]


@pytest.mark.parametrize("text", ['name: "a\\u202eb"', 'run: {env: {A: "x\\ny"}}', 'recipes: ["pytorch\\0"]'])
def test_characters_that_could_act_on_files_or_terminals_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UnsafeTextError):
        load_project(write(tmp_path, text + "\n"))


def test_a_pipe_of_the_name_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "envkit.yaml")
    with pytest.raises(DataError, match="not a regular file"):
        load_project(tmp_path / "envkit.yaml")


def test_a_device_of_the_name_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "envkit.yaml").symlink_to("/dev/zero")
    with pytest.raises(DataError, match="not a regular file"):
        load_project(tmp_path / "envkit.yaml")


def test_a_directory_of_the_name_is_said(tmp_path: Path) -> None:
    (tmp_path / "envkit.yaml").mkdir()
    with pytest.raises(DataError, match="not a regular file"):
        load_project(tmp_path / "envkit.yaml")


def test_a_huge_file_is_not_read_into_memory(tmp_path: Path) -> None:
    with (tmp_path / "envkit.yaml").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(DataError, match="larger than 1024 KiB"):
        load_project(tmp_path / "envkit.yaml")


def test_a_link_to_itself_and_a_file_that_is_no_text_are_said(tmp_path: Path) -> None:
    link = tmp_path / "envkit.yaml"
    link.symlink_to(link)
    assert find_project(tmp_path) == link
    with pytest.raises(DataError, match="symbolic links"):
        load_project(link)
    link.unlink()
    link.write_bytes(b"name: \xff\n")
    with pytest.raises(DataError, match="not UTF-8 \\(byte 6\\)"):
        load_project(link)
