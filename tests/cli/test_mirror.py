"""`envkit mirror`: what it writes, what it refuses, and that the settings hold."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest


def settings(home) -> Path:
    return home.root / "config" / "envkit" / "sources.yaml"


def test_a_preset_is_written_and_listed_with_its_origin(home) -> None:
    assert home.run("mirror", "use", "tuna").status == 0
    listed = home.run("mirror", "list", "--json").json
    mirrors = {mirror["place"]: mirror for mirror in listed["mirrors"]}
    assert mirrors["pypi.org"]["address"] == "https://pypi.tuna.tsinghua.edu.cn/simple"
    assert str(settings(home)) in mirrors["pypi.org"]["origin"]
    assert settings(home).stat().st_mode & 0o777 == 0o600


def test_one_place_is_added_and_taken_away_and_comments_at_the_top_stay(home) -> None:
    settings(home).parent.mkdir(parents=True, exist_ok=True)
    settings(home).write_text("# ours\nformat: envkit-sources/1\nmirrors: {quay.io: registry.example.com/quay}\n")
    home.run("mirror", "use", "docker.io=registry.example.com/hub")
    assert settings(home).read_text().startswith("# ours\n")
    home.run("mirror", "use", "quay.io=")
    listed = home.run("mirror", "list", "--json").json
    assert [(row["place"], row["address"]) for row in listed["mirrors"]] == [("docker.io", "registry.example.com/hub")]
    assert home.run("mirror", "use", "none", "--json").json["mirrors"] == []


def test_a_dry_run_writes_nothing(home) -> None:
    ended = home.run("mirror", "use", "ustc", "--dry-run")
    assert "mirrors.ustc.edu.cn" in ended.stdout
    assert not settings(home).exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "nothing to set"),
        (("tsinghua",), "neither a preset nor `PLACE=ADDRESS`"),
        (("example.com=https://x",), "nothing is known of mirrors of this place"),
        (("docker.io=https://host/path?x=1",), "the mirror of a registry is"),
        (("pypi.org=ftp://host/simple",), "is reached by `https://host/path`"),
        (("pypi.org=https://host/\u202esimple",), "U+202E"),
        (("--proxy", "proxy.example.com"), "a proxy is"),
        (("--ca", "/none.pem"), "no such file for `--ca`"),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_written(home, words: tuple[str, ...], said: str) -> None:
    ended = home.run("mirror", "use", *words)
    assert ended.status in {2, 8}
    assert said in ended.stderr
    assert not settings(home).exists()


@pytest.mark.parametrize("text", ["format: envkit-sources/1\nmirors: {}\n", "[1", "\xff"])
def test_faulty_settings_are_named_with_their_path(home, text: str) -> None:
    settings(home).parent.mkdir(parents=True, exist_ok=True)
    settings(home).write_bytes(text.encode("latin-1"))
    ended = home.run("mirror", "list")
    assert ended.status == 8
    assert str(settings(home)) in ended.stderr


def test_a_mirror_that_works_and_one_that_does_not(home, make_wheel, serve_index: Callable[[Path], object]) -> None:
    wheels = home.root / "wheels"
    make_wheel(wheels, "pip", "1.0")
    server = serve_index(wheels)
    home.run("mirror", "use", f"pypi.org={server.url}")
    good = home.run("mirror", "test", "--json")
    assert (good.status, good.json["mirrors"][0]["works"]) == (0, True)
    home.run("mirror", "use", f"download.pytorch.org=http://{server.host}/nowhere")
    bad = home.run("mirror", "test", "--json")
    states = {state["place"]: state for state in bad.json["mirrors"]}
    assert bad.status == 9
    assert states["pypi.org"]["works"]
    assert "HTTP 404" in states["download.pytorch.org"]["reason"]


def test_the_mirror_of_an_index_is_what_resolve_asks_and_shows(home) -> None:
    home.run("mirror", "use", "download.pytorch.org=https://mirror.example.com/pytorch")
    target = "v100,driver=580.65.06,os=ubuntu-24.04"
    ended = home.run("resolve", "pytorch", "--target", target, "--container", "--json")
    indexes = json.loads(ended.stdout)["chosen"]["indexes"]
    assert [index["url"] for index in indexes] == ["https://mirror.example.com/pytorch/whl/cu126"]


def test_what_runs_in_an_environment_is_told_of_the_mirror_of_models_unless_the_user_has_it_otherwise(tiny) -> None:
    tiny.run("mirror", "use", "huggingface.co=https://models.example.com")
    assert tiny.run("up", "tinyframe", "--native", "--wheelhouse", "wheels", "--offline").status == 0
    program = ("exec", "tinyframe", "--", "python", "-c", "import os; print(os.environ.get('HF_ENDPOINT'))")
    assert tiny.run(*program).stdout.strip() == "https://models.example.com"
    assert tiny.run(*program, HF_ENDPOINT="https://mine").stdout.strip() == "https://mine"


def test_mirrors_of_the_project_file_and_the_variable_hold_too_and_are_listed(home) -> None:
    (home.project / "envkit.yaml").write_text(
        "format: envkit/1\nrecipes: [xgboost]\nsources: {mirrors: {docker.io: registry.example.com/hub}}\n"
    )
    listed = home.run("mirror", "list", "--json", ENVKIT_MIRRORS="registry.example.org=mirror.example.com/org").json
    assert [(row["place"], row["kind"], row["origin"]) for row in listed["mirrors"]] == [
        ("docker.io", "registry", "project file `sources.mirrors.docker.io`"),
        ("registry.example.org", "registry", "ENVKIT_MIRRORS"),
    ]


@pytest.mark.parametrize("command", [("resolve",), ("mirror", "list"), ("lock", "--check")])
def test_a_misspelt_place_is_told_wherever_it_is_set(home, command: tuple[str, ...]) -> None:
    project = home.project / "envkit.yaml"
    project.write_text("format: envkit/1\nrecipes: [xgboost]\nsources: {mirrors: {dockr.io: example.com}}\n")
    ended = home.run(*command, "--json")
    assert (ended.status, ended.json["code"], ended.json["hints"]) == (8, "EK0801", ["did you mean `docker.io`?"])
    project.write_text("format: envkit/1\nrecipes: [xgboost]\n")
    assert "ENVKIT_MIRRORS" in home.run(*command, ENVKIT_MIRRORS="pypi.og=https://example.com/simple").stderr
