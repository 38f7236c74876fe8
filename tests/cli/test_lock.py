"""`envkit lock`, `lock diff`, `status` and `up --locked` as they are run."""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

PROJECT = """\
format: envkit/1
name: mine
recipes: [tinyframe]
profiles:
  laptop: {on: cpu, engine: native}
sources: {wheelhouse: wheels}
"""


def write(home, text=PROJECT) -> None:
    (home.project / "envkit.yaml").write_text(text, encoding="utf-8")


def lock_files(home) -> dict[str, bytes]:
    names = ("envkit.lock", *sorted(path.name for path in home.project.glob("pylock.*")))
    return {name: (home.project / name).read_bytes() for name in names if (home.project / name).exists()}


def served(home, serve_index, **more: str) -> Any:  # noqa: ANN401 - tests/conftest.py, where its type is, is not imported
    """Serve the wheels at an index instead of keeping them in the project."""
    wheels = home.project.parent / "served"
    if not wheels.exists():
        (home.project / "wheels").rename(wheels)
    server = serve_index(wheels)
    further = "".join(f"{key}: {value}\n" for key, value in more.items())
    write(
        home,
        f"format: envkit/1\nname: mine\nrecipes: [tinyframe]\n{further}"
        f"profiles: {{laptop: {{on: cpu, engine: native}}}}\nsources: {{index: '{server.url}'}}\n",
    )
    return server


def test_locking_again_changes_nothing_and_check_agrees(tiny) -> None:
    write(tiny)
    first = tiny.run("lock", "--offline", "--json")
    assert (first.status, first.json["changed"], first.json["profiles"]) == (0, True, ["laptop"])
    assert sorted(first.json["written"]) == ["envkit.lock", "pylock.laptop.toml"]
    before = lock_files(tiny)
    times = [path.stat().st_mtime_ns for path in tiny.project.glob("*lock*")]
    second = tiny.run("lock", "--offline", "--json")
    assert (second.status, second.json["changed"], second.json.get("written", [])) == (0, False, [])
    assert lock_files(tiny) == before
    assert [path.stat().st_mtime_ns for path in tiny.project.glob("*lock*")] == times
    assert tiny.run("lock", "--check").status == 0
    assert tiny.run("lock", "--frozen").status == 0


def test_lock_is_the_same_whoever_makes_it_and_names_no_place_of_theirs(tiny) -> None:
    write(tiny)
    assert tiny.run("lock", "--offline").status == 0
    first = lock_files(tiny)
    elsewhere = tiny.project.parent / "another" / "place"
    elsewhere.mkdir(parents=True)
    shutil.copytree(tiny.project / "wheels", elsewhere / "wheels")
    shutil.copy(tiny.project / "envkit.yaml", elsewhere)
    inside = elsewhere / "deep"
    inside.mkdir()
    subprocess.run(
        ["sh", "-c", 'umask 077; exec "$@"', "sh", *tiny.argv(("lock", "--offline", "--project", ".."))],  # noqa: S607
        check=True,
        cwd=inside,
        env={**tiny.environment, "LANG": "tr_TR.UTF-8", "LC_ALL": "C", "TZ": "Pacific/Kiritimati"},
        capture_output=True,
    )
    assert {path.name: path.read_bytes() for path in elsewhere.glob("*lock*")} == first
    text = b"".join(first.values()).decode()
    assert str(tiny.root) not in text
    assert 'path = "wheels/tinyframe-1.0-py3-none-any.whl"' in text


def test_check_names_what_the_file_asks_otherwise_and_writes_nothing(tiny) -> None:
    write(tiny)
    assert tiny.run("lock", "--check").status == 8  # there is no lock
    tiny.run("lock", "--offline")
    before = lock_files(tiny)
    write(tiny, PROJECT.replace("name: mine", "name: mine\npackages: [tinydep]"))
    for option in ("--check", "--locked"):
        checked = tiny.run("lock", option, "--json")
        assert (checked.status, checked.json["code"]) == (7, "EK0702")
        assert "laptop: packages: locked ``, now `tinydep`" in checked.json["facts"]
    assert lock_files(tiny) == before
    assert tiny.run("lock", "--frozen").status == 0


def test_when_one_profile_fails_every_failure_is_told_and_no_file_is_written(tiny) -> None:
    write(
        tiny,
        PROJECT.replace(
            "sources:",
            "  other: {on: cpu, engine: native, packages: [absent-one]}\n"
            "  third: {on: cpu, engine: native, packages: [absent-two]}\nsources:",
        ),
    )
    failed = tiny.run("lock", "--offline", "--json")
    assert failed.status not in {0, 1}
    told = " ".join((failed.json["message"], *failed.json["facts"]))
    assert "profile `other` cannot be locked" in told
    assert "profile `third` neither" in told
    assert lock_files(tiny) == {}
    assert tiny.run("lock", "--offline", "--profile", "laptop").status == 0
    assert sorted(lock_files(tiny)) == ["envkit.lock", "pylock.laptop.toml"]


def test_profile_that_is_gone_takes_its_file_along(tiny) -> None:
    write(tiny, PROJECT.replace("sources:", "  second: {on: cpu, engine: native}\nsources:"))
    assert tiny.run("lock", "--offline").status == 0
    assert (tiny.project / "pylock.second.toml").exists()
    write(tiny)
    assert "second" in tiny.run("lock", "--check").stderr
    assert tiny.run("lock", "--offline").status == 0
    assert sorted(lock_files(tiny)) == ["envkit.lock", "pylock.laptop.toml"]


def test_file_without_profiles_is_locked_for_this_machine(tiny) -> None:
    write(tiny, "format: envkit/1\nrecipes: [tinyframe]\nsources: {wheelhouse: wheels}\n")
    locked = tiny.run("lock", "--offline", "--json")
    assert (locked.status, locked.json["profiles"]) == (0, ["default"])


def test_versions_stay_until_they_are_told_to_move(tiny, make_wheel, serve_index) -> None:
    server = served(tiny, serve_index, packages="[other]")
    make_wheel(server.directory, "other", "1.0")
    assert tiny.run("lock").status == 0
    make_wheel(server.directory, "tinydep", "2.1")
    make_wheel(server.directory, "other", "1.1")
    cache = {"UV_CACHE_DIR": str(tiny.root / "fresh-cache")}  # an index's page is kept for ten minutes
    before = lock_files(tiny)
    assert tiny.run("lock", **cache).status == 0
    assert lock_files(tiny) == before
    moved = tiny.run("lock", "--upgrade", "tinydep", "--json", **cache)
    changes = moved.json["difference"]["profiles"][0]["packages"]
    assert changes == [{"name": "tinydep", "before": "2.0", "after": "2.1"}]
    # What the file asks for in addition moves nothing else.
    served(tiny, serve_index, packages="[other, tinyframe>=1]")
    added = tiny.run("lock", "--json", **cache)
    assert (added.status, added.json["changed"]) == (0, True)
    assert "packages" not in "".join(added.json["difference"].get("profiles", []))
    everything = tiny.run("lock", "--upgrade", "--json", UV_CACHE_DIR=str(tiny.root / "third-cache"))
    assert [change["name"] for change in everything.json["difference"]["profiles"][0]["packages"]] == ["other"]


def test_upgrade_of_what_is_not_locked_is_a_mistake_that_is_named(tiny) -> None:
    write(tiny)
    tiny.run("lock", "--offline")
    refused = tiny.run("lock", "--offline", "--upgrade", "tinydpe")
    assert refused.status == 2
    assert "envkit lock --upgrade tinydep" in refused.stderr


def test_lock_through_a_mirror_does_not_name_it_and_installs_through_another(tiny, serve_index) -> None:
    server = served(tiny, serve_index)
    assert tiny.run("lock").status == 0
    text = b"".join(lock_files(tiny).values()).decode()
    assert server.host not in text
    assert "https://files.pythonhosted.org/packages/py3/t/tinyframe/tinyframe-1.0-py3-none-any.whl" in text
    second = served(tiny, serve_index)  # another address of the same files
    seen = len(server.seen)
    up = tiny.run("up", "--locked", "--profile", "laptop", "--json", UV_CACHE_DIR=str(tiny.root / "empty-cache"))
    assert (up.status, up.stderr.count("2 of 2 packages equal the lock")) == (0, 1), up.stderr
    assert len(server.seen) == seen
    assert not list(tiny.data.rglob("pyproject.toml"))  # which held the address, and may hold credentials
    assert {path.rsplit("/", 1)[0] for path in second.seen} <= {"/files", "/simple/tinydep", "/simple/tinyframe"}


def test_wheel_of_another_content_is_not_installed(tiny, make_wheel, serve_index) -> None:
    server = served(tiny, serve_index)
    assert tiny.run("lock").status == 0
    make_wheel(server.directory, "tinyframe", "1.0", requires=("tinydep>=2",), body="def answer():\n    return 41\n")
    up = tiny.run("up", "--locked", "--profile", "laptop", UV_CACHE_DIR=str(tiny.root / "empty-cache"))
    assert up.status == 5
    assert "hash" in up.stderr.lower()


def test_up_from_a_lock_resolves_nothing_and_stands_unchanged_the_second_time(tiny) -> None:
    write(tiny)
    tiny.run("lock", "--offline")
    up = tiny.run("up", "--locked", "--offline")
    assert up.status == 0
    assert "build for Python" not in up.stderr  # which is how a resolution is told
    assert "2 of 2 packages equal the lock" in up.stderr
    assert tiny.run("up", "--locked", "--offline", "--json").json["unchanged"] is True
    assert tiny.run("status", "--exit-code").status == 0


def test_where_no_index_may_be_asked_none_is(tiny, serve_index) -> None:
    write(tiny)
    forbidden = serve_index(tiny.project / "wheels")
    settings = {"PIP_NO_INDEX": "1", "PIP_INDEX_URL": forbidden.url}
    assert tiny.run("lock", **settings).status == 0
    assert tiny.run("up", "--locked", UV_CACHE_DIR=str(tiny.root / "empty-cache"), **settings).status == 0
    assert forbidden.seen == []


def test_locked_refuses_what_the_file_asks_otherwise_and_frozen_does_not(tiny) -> None:
    write(tiny)
    tiny.run("lock", "--offline")
    write(tiny, PROJECT.replace("name: mine", "name: mine\npython: '>=3.8'"))
    refused = tiny.run("up", "--locked", "--offline")
    assert (refused.status, "python: locked ``, now `>=3.8`" in refused.stderr) == (7, True)
    assert tiny.run("up", "--frozen", "--offline").status == 0
    assert tiny.run("up", "tinyframe", "--locked").status == 2


def test_changed_packages_are_refused_told_by_status_and_repaired_by_lock(tiny) -> None:
    write(tiny)
    tiny.run("lock", "--offline")
    path = tiny.project / "pylock.laptop.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("2.0", "2.1"), encoding="utf-8")
    refused = tiny.run("up", "--locked", "--offline", "--json")
    assert (refused.status, refused.json["code"]) == (8, "EK0804")
    assert "was changed since it was written" in refused.json["message"]
    status = tiny.run("status", "--json", "--exit-code")
    assert status.status == 10
    assert [(drift["subject"], drift["matters"]) for drift in status.json["drifts"]] == [("lock-file", True)]
    assert tiny.run("lock", "--offline").status == 0
    assert path.read_text(encoding="utf-8") == text


def test_status_tells_what_matters_from_what_does_not(tiny) -> None:
    write(tiny)
    tiny.run("lock", "--offline")
    newer = (
        tiny.recipe.read_text(encoding="utf-8")
        .replace(
            "variants:",
            '  - version: "0.9"\n    released: "2025-01-01"\n    pythons: ["3.11", "3.12"]\n    source: test\n'
            "    default: {x86_64: cpu, aarch64: cpu}\nvariants:",
        )
        .replace('releases: ">=1.0"', 'releases: ">=0.9"')
    )
    tiny.recipe.write_text(newer, encoding="utf-8")
    same = tiny.run("status", "--json").json["drifts"]
    assert [(drift["subject"], drift["matters"]) for drift in same] == [("matrix", False)]
    broken = newer.replace(
        '  - version: "1.0"\n', '  - version: "1.0"\n    broken: [{reason: it burns, source: test}]\n'
    )
    tiny.recipe.write_text(broken, encoding="utf-8")
    refused = tiny.run("status", "--json").json["drifts"]
    assert [(drift["subject"], drift["matters"]) for drift in refused] == [("matrix", True)]
    assert "it burns" in refused[0]["what"]
    write(tiny, PROJECT.replace("name: mine", "name: mine\npackages: [tinydep]"))
    shown = tiny.run("status")
    assert "matters: laptop: `packages` was `` when it was locked and is `tinydep` now" in shown.stdout


def test_environment_that_was_made_otherwise_is_named(tiny) -> None:
    write(tiny)
    assert tiny.run("up", "--offline", "--profile", "laptop").status == 0
    tiny.run("lock", "--offline")
    drifts = tiny.run("status", "--json").json["drifts"]
    assert [(drift["subject"], drift["matters"]) for drift in drifts] == [("environment", False)]


def test_difference_to_the_last_commit_and_between_files(tiny, make_wheel) -> None:
    write(tiny)
    tiny.run("lock", "--offline")
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", "-C", str(tiny.project)]
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    refused = tiny.run("lock", "diff")
    assert (refused.status, "not a checkout of git" in refused.stderr) == (2, True)
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "envkit.lock", "pylock.laptop.toml"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "lock"], check=True)
    assert tiny.run("lock", "diff").stdout.endswith("are the same\n")
    old = tiny.project.parent / "old"
    shutil.copytree(tiny.project, old)
    make_wheel(tiny.project / "wheels", "tinydep", "2.1")
    make_wheel(tiny.project / "wheels", "other", "1.0")
    write(tiny, PROJECT.replace("name: mine", "name: mine\npackages: [other]"))
    tiny.run("lock", "--offline", "--upgrade")
    shown = tiny.run("lock", "diff").stdout
    assert shown == "profile laptop\n  packages\n    + other 1.0\n    ~ tinydep 2.0 -> 2.1\n"
    between = tiny.run("lock", "diff", str(old), "envkit.lock", "--json").json
    assert between["profiles"][0]["packages"] == [
        {"name": "other", "after": "1.0"},
        {"name": "tinydep", "before": "2.0", "after": "2.1"},
    ]
    assert tiny.run("lock", "diff", "--", "--output=x").status == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_killed_lock_leaves_the_files_as_they_were(tiny, number) -> None:
    write(tiny)
    tiny.run("lock", "--offline")
    before = {path.name: path.read_bytes() for path in tiny.project.iterdir() if path.is_file()}
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never answers
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/simple"
        text = PROJECT.replace("name: mine", "name: mine\npackages: [elsewhere]").replace(
            "wheelhouse: wheels", f"wheelhouse: wheels, index: '{url}'"
        )
        write(tiny, text)
        running = tiny.start("lock")
        silent.settimeout(20)
        connection, _ = silent.accept()
        time.sleep(0.1)
        os.kill(running.pid, number)
        running.communicate(timeout=30)
        connection.close()
    write(tiny)
    assert {path.name: path.read_bytes() for path in tiny.project.iterdir() if path.is_file()} == before


def test_lock_without_a_project_file_says_what_to_do(home) -> None:
    refused = home.run("lock")
    assert (refused.status, "envkit init" in refused.stderr) == (2, True)
    assert home.run("status").status == 2


def test_dry_run_writes_nothing(tiny) -> None:
    write(tiny)
    dry = tiny.run("lock", "--offline", "--dry-run", "--json")
    assert (dry.status, dry.json["changed"], lock_files(tiny)) == (0, True, {})


def test_wheels_from_outside_the_project_are_told(tiny) -> None:
    outside = tiny.project.parent / "outside"
    (tiny.project / "wheels").rename(outside)
    write(tiny, PROJECT.replace("wheelhouse: wheels", f"wheelhouse: {outside}"))
    locked = tiny.run("lock", "--offline")
    assert locked.status == 0
    assert f"taken from outside the project ({outside}): tinydep, tinyframe" in locked.stderr
    assert str(outside) not in b"".join(lock_files(tiny).values()).decode()
    assert tiny.run("up", "--locked", "--offline", UV_CACHE_DIR=str(tiny.root / "empty-cache")).status == 0


def test_registry_that_is_not_reached_is_a_failure_of_the_network(tiny) -> None:
    write(
        tiny,
        "format: envkit/1\nrecipes: [tinyframe]\nprofiles: {box: {target: cpu}}\n"
        "sources: {wheelhouse: wheels, mirrors: {docker.io: '127.0.0.1:9'}}\n",
    )
    failed = tiny.run("lock", "--json", HTTPS_PROXY="http://127.0.0.1:9")
    assert (failed.status, failed.json["code"]) == (9, "EK0903")


def test_container_profile_is_locked_offline_without_a_digest(tiny) -> None:
    write(
        tiny,
        "format: envkit/1\nrecipes: [tinyframe]\nprofiles: {box: {target: cpu}}\nsources: {wheelhouse: wheels}\n",
    )
    assert tiny.run("lock", "--offline").status == 0
    assert Path(tiny.project / "envkit.lock").read_text(encoding="utf-8").count('"digest"') == 0


def test_frozen_checks_the_profiles_that_are_named_from_anywhere_below_and_prints_what_check_does(tiny) -> None:
    write(tiny, PROJECT.replace("profiles:", "profiles:\n  other: {on: cpu, engine: native}"))
    tiny.run("lock", "--offline")
    (tiny.project / "pylock.other.toml").write_text("changed", encoding="utf-8")
    assert tiny.run("lock", "--frozen").status == 8
    frozen = tiny.run("lock", "--frozen", "--profile", "laptop", "--json")
    assert frozen.json == tiny.run("lock", "--check", "--profile", "laptop", "--json").json
    assert (frozen.json["profiles"], frozen.json["changed"]) == (["laptop"], False)
    assert tiny.run("lock", "--frozen", "--profile", "none").status == 7
    (tiny.project / ".git").mkdir()
    (tiny.project / "below").mkdir()
    (tiny.project / "envkit.yaml").write_text("faulty", encoding="utf-8")
    argv = tiny.argv(("lock", "--frozen", "--profile", "laptop"))
    below = subprocess.run(argv, cwd=tiny.project / "below", env=tiny.environment, check=False)
    assert below.returncode == 0


@pytest.mark.parametrize("options", [("--check", "--frozen"), ("--check", "--upgrade"), ("--frozen", "-U", "tinydep")])
def test_options_of_which_one_would_do_nothing_are_refused(tiny, options: tuple[str, ...]) -> None:
    write(tiny)
    tiny.run("lock", "--offline")
    assert tiny.run("lock", *options).status == 2


def test_what_a_damaged_lock_hints_at_repairs_it(tiny) -> None:
    write(tiny)
    tiny.run("lock", "--offline")
    before = lock_files(tiny)
    (tiny.project / "envkit.lock").write_bytes(before["envkit.lock"][:200])
    hint = tiny.run("lock", "--offline", "--json").json["hints"][0]
    assert tiny.run(*hint.split()[1:], "--offline").status == 0
    assert lock_files(tiny) == before


def test_lock_that_was_made_offline_from_a_cache_is_the_same(tiny, serve_index) -> None:
    served(tiny, serve_index)
    assert tiny.run("lock").status == 0
    before = lock_files(tiny)
    assert b'"status": "ok"' in before["envkit.lock"]
    for name in before:
        (tiny.project / name).unlink()
    assert tiny.run("lock", "--offline").status == 0
    assert lock_files(tiny) == before
