"""`envkit generate` as it is run: what is written, what is left alone, what is refused."""

import json
import stat

import pytest

OFFLINE = ("--wheelhouse", "wheels", "--offline", "--target", "cpu,os=debian-12")
PROJECT = """format: envkit/1
name: demo
recipes: [tinyframe]
sources: {wheelhouse: wheels/}
profiles: {laptop: {on: cpu}, server: {on: cpu, packages: [tinydep]}}
run: {ports: [8888], mounts: [".:/workspace", "data:/data:ro"]}
"""


def test_files_are_written_and_listed(tiny) -> None:
    ended = tiny.run("generate", "tinyframe", *OFFLINE, "--format", "compose", "--output", "out")
    assert ended.status == 0, ended.stderr
    directory = tiny.project / "out"
    written = {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}
    assert set(ended.stdout.split()) | {".envkit-generated.json"} == written
    assert {"compose.yaml", "smoke.py", "image/Dockerfile"} <= written
    assert "files written in" in ended.stderr


def test_a_second_run_changes_nothing(tiny) -> None:
    arguments = ("tinyframe", *OFFLINE, "--format", "native", "--output", "out", "--json")
    first = tiny.run("generate", *arguments).json
    assert {file["state"] for file in first["files"]} == {"written"}
    again = tiny.run("generate", *arguments).json
    assert {file["state"] for file in again["files"]} == {"unchanged"}
    assert [file["sha256"] for file in again["files"]] == [file["sha256"] for file in first["files"]]
    assert stat.S_IMODE((tiny.project / "out" / "install.sh").stat().st_mode) & 0o111


def test_what_was_generated_is_replaced_and_what_somebody_wrote_is_not(tiny) -> None:
    arguments = ("tinyframe", *OFFLINE, "--format", "compose", "--output", "out")
    tiny.run("generate", *arguments)
    file = tiny.project / "out" / "compose.yaml"
    assert tiny.run("generate", *arguments, "--name", "other").status == 0
    assert "name: other" in file.read_text()
    file.write_text("mine\n")
    refused = tiny.run("generate", *arguments)
    assert (refused.status, "EK0207" in refused.stderr, file.read_text()) == (2, True, "mine\n")
    assert tiny.run("generate", *arguments, "--force").status == 0
    assert "name: tinyframe" in file.read_text()


def test_nothing_is_written_where_one_file_is_refused(tiny) -> None:
    (tiny.project / "out").mkdir()
    (tiny.project / "out" / "smoke.py").write_text("mine\n")
    assert tiny.run("generate", "tinyframe", *OFFLINE, "--format", "native", "--output", "out").status == 2
    assert [path.name for path in (tiny.project / "out").iterdir()] == ["smoke.py"]


def test_a_damaged_record_is_named(tiny) -> None:
    (tiny.project / ".envkit-generated.json").write_text("{")
    ended = tiny.run("generate", "tinyframe", *OFFLINE, "--format", "pylock")
    assert (ended.status, "the record of generated files is damaged" in ended.stderr) == (8, True)


def test_one_file_is_printed(tiny) -> None:
    ended = tiny.run("generate", "tinyframe", *OFFLINE, "--format", "pylock", "--output", "-")
    assert ended.status == 0, ended.stderr
    assert ended.stdout.startswith(("# Written by", "lock-version"))
    assert [path.name for path in tiny.project.iterdir()] == ["wheels"]


def test_the_lock_names_nothing_of_this_machine(tiny) -> None:
    text = tiny.run("generate", "tinyframe", *OFFLINE, "--format", "pylock", "--output", "-").stdout
    assert 'path = "wheels/tinyframe-1.0-py3-none-any.whl"' in text
    assert str(tiny.root) not in text


def test_another_machine_is_recorded_or_named(tiny) -> None:
    (tiny.project / "host.json").write_text(
        json.dumps({"format": "envkit-host/1", "cpu": {"architecture": "aarch64"}, "devices": []})
    )
    ended = tiny.run(
        "generate", "tinyframe", *OFFLINE[:3], "--host", "host.json", "--format", "bake", "--output", "out", "--json"
    )
    assert ended.status == 0, ended.stderr
    bake = json.loads((tiny.project / "out" / "docker-bake.json").read_text())
    assert bake["target"]["tinyframe"]["platforms"] == ["linux/arm64"]


def test_a_project_is_generated_with_all_its_profiles(tiny) -> None:
    (tiny.project / "envkit.yaml").write_text(PROJECT)
    ended = tiny.run("generate", "--offline", "--format", "bake", "--json")
    assert ended.status == 0, ended.stderr
    assert ended.json["profiles"] == ["laptop", "server"]
    bake = json.loads((tiny.project / "docker-bake.json").read_text())
    assert bake["group"]["default"]["targets"] == ["laptop", "server"]
    assert (tiny.project / "image" / "server" / "Dockerfile").is_file()


def test_one_environment_is_that_of_the_profile_that_was_named(tiny) -> None:
    (tiny.project / "envkit.yaml").write_text(PROJECT)
    refused = tiny.run("generate", "--offline", "--format", "compose")
    assert (refused.status, "hint: --profile laptop" in refused.stderr) == (2, True)
    ended = tiny.run("generate", "--offline", "--format", "compose", "--profile", "laptop")
    assert ended.status == 0, ended.stderr
    text = (tiny.project / "compose.yaml").read_text()
    assert 'source: "."\n' in text
    assert "source: ./data\n" in text
    assert str(tiny.project) not in text


def test_what_is_locked_is_taken(tiny) -> None:
    (tiny.project / "envkit.yaml").write_text(PROJECT)
    missing = tiny.run("generate", "--offline", "--format", "bake", "--locked")
    assert (missing.status, "envkit lock" in missing.stderr) == (8, True)
    assert tiny.run("lock", "--offline").status == 0
    locked = tiny.run("generate", "--offline", "--format", "bake", "--locked")
    assert locked.status == 0, locked.stderr
    assert "Resolved" not in locked.stderr
    # Without the option it is taken as well, as long as it is what the project file asks for.
    assert "Resolved" not in tiny.run("generate", "--offline", "--format", "bake").stderr
    (tiny.project / "envkit.yaml").write_text(PROJECT.replace("[tinydep]", '["tinydep>=1"]'))
    drifted = tiny.run("generate", "--offline", "--format", "bake", "--locked")
    assert (drifted.status, "error[EK0702]" in drifted.stderr) == (7, True)
    assert tiny.run("generate", "--offline", "--format", "bake", "--frozen").status == 0
    afresh = tiny.run("generate", "--offline", "--format", "bake")
    assert (afresh.status, "warning: the lock is not used" in afresh.stderr) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--format", "nothing"), "no such format: `nothing`"),
        (("--format", "bake", "--output", "-"), "files, and `--output -` prints one"),
        (("--format", "pylock", "--output", "-", "--json"), "cannot be used with `--json`"),
        (("--format", "pylock", "--host", "x.json"), "give one"),
        (("--format", "pylock", "--dialect", "new"), "`--dialect` takes `buildkit` or `portable`: new"),
        (("--format", "pylock", "--dialect", "portable"), "the format has no `--dialect`: `pylock`"),
        (("--format", "pylock", "--kind", "none"), "`--kind` takes"),
        (("--format", "pylock", "--locked"), "take what a project has locked: give no SPEC"),
    ],
)
def test_what_makes_no_sense_is_refused(tiny, arguments: tuple[str, ...], words: str) -> None:
    ended = tiny.run("generate", "tinyframe", *OFFLINE, *arguments)
    assert (ended.status, words in ended.stderr) == (2, True), ended.stderr
    assert [path.name for path in tiny.project.iterdir()] == ["wheels"]
