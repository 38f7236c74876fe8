"""`envkit bundle` as it is run: made in one home, loaded in another one, without a network."""

import hashlib
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

PROJECT = """\
format: envkit/1
name: mine
recipes: [tinyframe]
profiles:
  laptop: {on: cpu, engine: native}
sources: {index: 'http://127.0.0.1:9/simple'}
"""


@pytest.fixture
def locked(tiny) -> Any:  # noqa: ANN401 - a Home of tests/cli/conftest.py
    """A locked project whose wheels lie outside of it, as those of an index would."""
    (tiny.project / "wheels").rename(tiny.root / "served")
    (tiny.project / "envkit.yaml").write_text(PROJECT, encoding="utf-8")
    ended = tiny.run("lock", "--offline", "--wheelhouse", "../served")
    assert ended.status == 0, ended.stderr
    return tiny


@pytest.fixture
def other(tmp_path: Path, home) -> Any:  # noqa: ANN401 - a Home
    """A second machine: nothing of the first one's home is in its own."""
    site = type(home)(tmp_path / "site")
    site.environment["PATH"] = home.environment["PATH"]
    return site


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bundle") / "mine.envkit"


@pytest.fixture
def bundle(kept: Path, request: pytest.FixtureRequest) -> Path:
    """The bundle of `locked`, made once."""
    if not kept.exists():
        shutil.copy(create(request.getfixturevalue("locked")), kept)
    return kept


def create(home, *further: str) -> Path:
    ended = home.run("bundle", "create", "--offline", "--wheelhouse", "../served", *further)
    assert ended.status == 0, ended.stderr
    return home.project / "mine.envkit"


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def everything(home) -> list[str]:
    return sorted(str(path.relative_to(home.root)) for path in home.root.rglob("*") if path.is_file())


def without_network(home, line: str) -> "subprocess.CompletedProcess[str]":
    """Run a line as it was printed in a network of its own, in which there is nothing but loopback."""
    namespace = ("unshare", "--net", "sh", "-euc", 'ip link set lo up; exec sh -euc "$1"', "sh", line)
    if subprocess.run(["unshare", "--net", "true"], check=False, capture_output=True).returncode != 0:  # noqa: S607
        pytest.skip("this user can make no network namespace")
    if shutil.which("ip") is None:
        namespace = ("unshare", "--net", "sh", "-euc", line)
    return subprocess.run(
        namespace, check=False, capture_output=True, text=True, cwd=home.project, env=home.environment, timeout=300
    )


def test_a_bundle_comes_up_on_another_machine_without_a_network(locked, other) -> None:
    bundle = create(locked)
    shutil.copy(bundle, other.project)
    shutil.rmtree(locked.root)
    loaded = without_network(other, "envkit bundle load mine.envkit")
    assert loaded.returncode == 0, loaded.stderr
    line = loaded.stdout.strip()
    assert line == "cd mine && envkit up --locked --offline --wheelhouse wheels --profile laptop"
    ended = without_network(other, line)
    assert ended.returncode == 0, ended.stderr
    assert "expected 42, got 42" in ended.stderr
    assert "2 of 2 packages equal the lock" in ended.stderr
    assert sorted(path.name for path in (other.project / "mine").iterdir()) == [
        "envkit.lock",
        "envkit.yaml",
        "pylock.laptop.toml",
        "sbom",
        "wheels",
    ]


def test_the_same_lock_gives_the_same_bytes(locked) -> None:
    first = digest(create(locked))
    os.utime(locked.project / "envkit.lock", (1, 1))
    (locked.project / "envkit.yaml").chmod(0o600)
    assert digest(create(locked)) == first


def test_what_is_in_a_bundle_is_shown_and_checked(bundle: Path, home) -> None:
    shown = home.run("bundle", "show", str(bundle), "--json").json
    assert shown["format"] == "envkit-bundle/1"
    assert [file["path"] for file in shown["files"]] == [
        "overlay/recipes/tinyframe.yaml",
        "project/envkit.lock",
        "project/envkit.yaml",
        "project/pylock.laptop.toml",
        "sbom/laptop.sbom.cdx.json",
        "sbom/laptop.sbom.spdx.json",
        "wheels/tinydep-2.0-py3-none-any.whl",
        "wheels/tinyframe-1.0-py3-none-any.whl",
    ]
    assert "wheels/tinydep-2.0-py3-none-any.whl" in home.run("bundle", "show", str(bundle)).stdout
    before = everything(home)
    checked = home.run("bundle", "load", str(bundle), "--check", "--json")
    assert (checked.status, checked.json["sha256"], "directory" in checked.json) == (0, digest(bundle), False)
    assert everything(home) == before


def test_wheels_of_the_project_keep_their_place_in_it(tiny, other) -> None:
    text = PROJECT.replace("index: 'http://127.0.0.1:9/simple'", "wheelhouse: wheels")
    (tiny.project / "envkit.yaml").write_text(text, encoding="utf-8")
    tiny.run("lock", "--offline")
    assert tiny.run("bundle", "create", "--offline", "-o", str(other.project)).status == 0
    loaded = other.run("bundle", "load", "mine.envkit", "--into", "a place")
    assert loaded.stdout == "cd 'a place' && envkit up --locked --offline --profile laptop\n"
    assert (other.project / "a place" / "wheels" / "tinyframe-1.0-py3-none-any.whl").exists()
    up = other.run("up", "--locked", "--offline", "--profile", "laptop", "--project", "a place")
    assert up.status == 0, up.stderr


def test_files_that_the_project_file_names_come_along(locked, other) -> None:
    (locked.project / "requirements").mkdir()
    (locked.project / "requirements" / "all.txt").write_text("-r more.txt\n-c limits.txt\n", encoding="utf-8")
    (locked.project / "requirements" / "more.txt").write_text("tinydep>=2\n", encoding="utf-8")
    (locked.project / "requirements" / "limits.txt").write_text("tinydep<3\n", encoding="utf-8")
    text = PROJECT.replace("sources:", "requirements: requirements/all.txt\nsources:")
    (locked.project / "envkit.yaml").write_text(text, encoding="utf-8")
    assert locked.run("lock", "--offline", "--wheelhouse", "../served").status == 0
    shutil.copy(create(locked), other.project)
    assert other.run("bundle", "load", "mine.envkit").status == 0
    assert other.run("lock", "--check", "--project", "mine").status == 0


def test_a_file_outside_of_the_project_is_refused(locked) -> None:
    (locked.root / "requirements.txt").write_text("tinydep>=2\n", encoding="utf-8")
    text = PROJECT.replace("sources:", "requirements: ../requirements.txt\nsources:")
    (locked.project / "envkit.yaml").write_text(text, encoding="utf-8")
    assert locked.run("lock", "--offline", "--wheelhouse", "../served").status == 0
    ended = locked.run("bundle", "create", "--offline", "--wheelhouse", "../served")
    assert (ended.status, "lies outside of it" in ended.stderr) == (8, True)
    assert not (locked.project / "mine.envkit").exists()


def test_a_lock_that_is_not_current_is_bundled_only_frozen(locked, other) -> None:
    text = PROJECT.replace("[tinyframe]", "[tinyframe]\npackages: [tinydep]")
    (locked.project / "envkit.yaml").write_text(text, encoding="utf-8")
    ended = locked.run("bundle", "create", "--offline", "--wheelhouse", "../served")
    assert (ended.status, "EK0702" in ended.stderr) == (7, True)
    shutil.copy(create(locked, "--frozen"), other.project)
    loaded = other.run("bundle", "load", "mine.envkit")
    assert "envkit up --frozen --offline" in loaded.stdout
    up = subprocess.run(  # noqa: S602 - the line is what is tested
        loaded.stdout, check=False, shell=True, cwd=other.project, env=other.environment, capture_output=True
    )
    assert up.returncode == 0, up.stderr


def test_a_wheel_that_cannot_be_had_leaves_no_bundle(locked) -> None:
    next((locked.root / "served").glob("tinydep-*.whl")).write_bytes(b"another")
    ended = locked.run("bundle", "create", "--offline", "--wheelhouse", "../served")
    assert ended.status in {8, 9}
    assert "tinydep-2.0-py3-none-any.whl" in ended.stderr
    assert list(locked.project.glob("*.envkit*")) == []


def test_other_files_are_not_replaced_unless_forced(bundle: Path, other) -> None:
    shutil.copy(bundle, other.project)
    (other.project / "mine").mkdir()
    (other.project / "mine" / "envkit.yaml").write_text("format: envkit/1\n", encoding="utf-8")
    before = everything(other)
    refused = other.run("bundle", "load", "mine.envkit")
    assert (refused.status, "is another one than that of the bundle" in refused.stderr) == (2, True)
    assert everything(other) == before
    assert other.run("bundle", "load", "mine.envkit", "--force").status == 0
    assert (other.project / "mine" / "envkit.yaml").read_text(encoding="utf-8") == PROJECT
    assert other.run("bundle", "load", "mine.envkit").status == 0  # now they are the same


def test_an_overlay_that_says_something_else_is_not_replaced_unless_forced(bundle: Path, tiny, other) -> None:
    shutil.copy(bundle, other.project)
    other.recipe = other.root / "config" / "envkit" / "overlay" / "recipes" / "tinyframe.yaml"
    other.recipe.parent.mkdir(parents=True)
    other.recipe.write_text(tiny.recipe.read_text(encoding="utf-8") + "# mine\n", encoding="utf-8")
    refused = other.run("bundle", "load", "mine.envkit")
    assert (refused.status, "overlay/recipes/tinyframe.yaml" in refused.stderr) == (2, True)
    assert not (other.project / "mine").exists()
    assert other.run("bundle", "load", "mine.envkit", "--force").status == 0
    assert other.recipe.read_text(encoding="utf-8") == tiny.recipe.read_text(encoding="utf-8")


def test_a_machine_without_the_python_is_told_so(locked, other) -> None:
    # As locked on a machine with a Python that nobody has.
    lock = locked.project / "envkit.lock"
    document = json.loads(lock.read_text(encoding="utf-8"))
    document["profiles"][0]["holds"]["python"] = "3.99"
    lock.write_text(json.dumps(document), encoding="utf-8")
    made = locked.run("bundle", "create", "--offline", "--wheelhouse", "../served", "-o", str(other.project))
    assert "`laptop` needs Python 3." in made.stderr
    loaded = other.run("bundle", "load", "mine.envkit")
    assert loaded.status == 0
    assert "profile `laptop` is not for this machine: python: needs 3.99, seen 3." in loaded.stderr
    up = other.run("up", "--locked", "--offline", "--profile", "laptop", "--project", "mine")
    assert (up.status, "python: needs 3.99" in up.stderr) == (3, True)


def damaged(bundle: Path, how: str) -> None:
    content = bundle.read_bytes()
    if how == "truncated":
        bundle.write_bytes(content[: len(content) // 2])
    elif how == "flipped":
        bundle.write_bytes(content.replace(b"def answer", b"def Answer") if b"def answer" in content else b"")
    elif how == "foreign":
        bundle.write_bytes(b"PK\x03\x04" + content)
    elif how == "hostile":
        with tarfile.open(bundle, "a") as archive:
            link = tarfile.TarInfo("project/link")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(link)
    else:
        bundle.unlink()


@pytest.mark.parametrize("how", ["truncated", "flipped", "foreign", "hostile", "missing"])
def test_a_bundle_that_is_not_whole_leaves_nothing(bundle: Path, other, how: str) -> None:
    shutil.copy(bundle, other.project)
    damaged(other.project / "mine.envkit", how)
    before = everything(other)
    for further in ("--check", "--force"):
        ended = other.run("bundle", "load", "mine.envkit", further, "--json")
        assert (ended.status, ended.json["code"]) == (8, "EK0805"), ended.stderr
    assert everything(other) == before


def test_bundles_in_a_project_that_is_not_locked(tiny) -> None:
    assert tiny.run("bundle", "create").status == 2
    (tiny.project / "envkit.yaml").write_text(PROJECT, encoding="utf-8")
    ended = tiny.run("bundle", "create")
    assert (ended.status, "EK0804" in ended.stderr, "envkit lock" in ended.stderr) == (8, True, True)
