"""A real index, where one is configured."""

import os
from pathlib import Path

import pytest

from envkit.model.availability import PUBLIC_INDEX
from envkit.refresh.cache import Cache
from envkit.refresh.inspection import Question
from envkit.refresh.reader import Session
from envkit.refresh.wheels import pythons_of
from envkit.system.sources import read_sources


@pytest.mark.network
def test_a_small_package_of_the_configured_index_is_read(tmp_path: Path) -> None:
    sources = read_sources(os.environ, home=str(Path.home()))
    session = Session(PUBLIC_INDEX if sources.index is None else sources.index.value, sources, print, Cache(tmp_path))
    wheel = next(wheel for wheel in session.reader.wheels("jinja2") if wheel.version == "3.1.6")
    assert pythons_of((wheel,), ("3.6", "3.7", "3.12")) == ("3.7", "3.12")
    contents = session.reader.contents(wheel, Question())
    assert contents.requirements[0] == "MarkupSafe>=2.0"
    asked = session.requests
    assert session.reader.contents(wheel, Question()) == contents
    assert session.requests == asked <= 4
