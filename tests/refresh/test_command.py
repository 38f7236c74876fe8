"""`envkit matrix refresh` as it is run, against a server of this machine."""

from pathlib import Path
from typing import Any

import pytest

from envkit.data import decode_document
from envkit.data.canonical import canonical_document
from envkit.model.recipe import Recipe
from envkit.refresh.recorded import record_path
from tests.cli.conftest import Ended, Home

World = Any  # see conftest.py


class Refreshing:
    """A home with the recipe of `frame` in its overlay, and an index that has releases of it."""

    def __init__(self, home: Home, world: World, recipe: Recipe) -> None:
        self.home = home
        self.world = world
        self.file = home.recipe.with_name("frame.yaml")
        self.file.parent.mkdir(parents=True)
        self.file.write_text("# By the test.\n" + canonical_document(recipe))

    def run(self, *arguments: str, **environment: str) -> Ended:
        settings = {"PIP_INDEX_URL": self.world.server.url, **environment}
        return self.home.run("matrix", "refresh", *(arguments or ("frame",)), **settings)


@pytest.fixture
def refreshing(tmp_path: Path, world: World, recipe: Recipe) -> Refreshing:
    world.release("1.0", cuda="12.8", uploaded="2026-01-02")
    return Refreshing(Home(tmp_path / "home"), world, recipe)


def test_news_go_to_stdout_and_into_the_overlay(refreshing: Refreshing) -> None:
    ended = refreshing.run()
    assert (ended.status, ended.stdout) == (0, "  frame 1.0: new, published 2026-01-02, default cu128\n")
    assert f"wrote  {refreshing.file}" in ended.stderr
    assert "read frame-1.0-cp312-cp312-manylinux_2_28_x86_64.whl" in ended.stderr
    assert "2 requests" in ended.stderr
    text = refreshing.file.read_text()
    written = decode_document(text, "frame.yaml", Recipe)
    assert [row.version for row in written.releases] == ["1.0"]
    assert canonical_document(written, "# By the test.\n") == text
    again = refreshing.run()
    assert (again.status, again.stdout) == (0, "")
    assert "frame: nothing new" in again.stderr
    assert "1 request," in again.stderr
    assert refreshing.file.read_text() == text


@pytest.mark.parametrize(("flag", "status"), [("--dry-run", 0), ("--check", 10), ("--exit-code", 10)])
def test_nothing_is_written_when_that_was_not_asked_for(refreshing: Refreshing, flag: str, status: int) -> None:
    before = refreshing.file.read_bytes()
    ended = refreshing.run("frame", flag)
    assert (ended.status, refreshing.file.read_bytes()) == (status, before)
    assert "1.0: new" in ended.stdout
    assert refreshing.run().status == 0
    assert refreshing.run("frame", flag).status == 0


def test_json_has_changes_figures_and_the_path(refreshing: Refreshing) -> None:
    answer = refreshing.run("frame", "--json").json
    (news,) = answer["recipes"]
    assert (answer["format"], answer["index"], answer["requests"]) == (
        "envkit-refresh/1",
        refreshing.world.server.url,
        2,
    )
    assert answer["bytes"] > 1000
    assert news == {
        "recipe": "frame",
        "changed": True,
        "changes": [{"kind": "new-release", "release": "1.0", "text": "new, published 2026-01-02, default cu128"}],
        "gaps": [],
        "written": str(refreshing.file),
        "recorded": str(record_path(str(refreshing.file))),
    }


def test_loud_changes_are_marked(refreshing: Refreshing) -> None:
    refreshing.run()
    refreshing.world.release("1.1", cuda="13.0", machine=(90,), uploaded="2026-02-01")
    lines = refreshing.run().stdout.splitlines()
    assert "! frame 1.1: LOST ARCHITECTURE sm_80 on x86_64: cu128 → cu130" in lines
    assert "! frame 1.1: DRIVER FLOOR RAISED 525.60.13 → 580.65.06 on x86_64: cu128 → cu130" in lines


def test_the_flag_goes_before_the_settings(refreshing: Refreshing) -> None:
    ended = refreshing.run("frame", "--index", refreshing.world.server.url, PIP_INDEX_URL="http://127.0.0.1:9/simple")
    assert ended.status == 0


def test_offline_works_after_the_first_time_and_is_a_network_error_before(refreshing: Refreshing) -> None:
    ended = refreshing.run("frame", "--offline")
    assert ended.status == 9
    assert "error[EK0902]: nothing is remembered of `frame`, and offline was asked for" in ended.stderr
    assert refreshing.run().status == 0
    assert refreshing.run("frame", "--offline", PIP_INDEX_URL=refreshing.world.server.url).status == 0


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("frmae",), 2, "no recipe has this name: `frmae`"),
        (("frame", "--index", "file:///tmp"), 2, "a refresh reads an index by http or https, not: file:///tmp"),
        (("frame", "--index", "http://a\x1bb/"), 8, "`--index` holds a character that is not allowed there"),
        (("bare",), 8, "field missing: `derive` of bare"),
    ],
)
def test_what_makes_no_sense_is_said(
    refreshing: Refreshing, recipe: Recipe, arguments: tuple[str, ...], status: int, message: str
) -> None:
    text = canonical_document(recipe)
    bare = text[: text.index("derive:")].replace("name: frame", "name: bare")
    refreshing.file.with_name("bare.yaml").write_text(bare)
    ended = refreshing.run(*arguments)
    assert ended.status == status
    assert message in ended.stderr


def test_an_index_that_does_not_answer_or_lacks_the_package_is_said(refreshing: Refreshing) -> None:
    refreshing.world.server.answers = [403]
    refused = refreshing.run()
    assert refused.status == 9
    assert "the server refused to answer (HTTP 403 Forbidden): http://127.0.0.1" in refused.stderr
    refreshing.world.server.pages["/simple/frame/"] = ("text/html", b"<html>Log in</html>")
    page = refreshing.run()
    assert page.status == 9
    assert "the index answered with a page that is not a list of files" in page.stderr


def test_credentials_of_the_index_are_used_and_not_shown(refreshing: Refreshing) -> None:
    url = refreshing.world.server.url.replace("http://", "http://me:s3cret@")
    ended = refreshing.run("frame", "--json", PIP_INDEX_URL=url)
    assert ended.status == 0
    assert "s3cret" not in ended.stdout + ended.stderr
    cached = [path.read_text() for path in (refreshing.home.root / "cache" / "envkit" / "refresh").rglob("*.json")]
    assert cached
    assert not any("s3cret" in text for text in cached)
