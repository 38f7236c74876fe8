"""Mirrors, proxies and certificates of envkit's own files, and their order."""

from pathlib import Path

import pytest

from envkit.errors import DataError
from envkit.model.address import mirrored_url, restore_credentials
from envkit.model.mirrors import MirroredPlace
from envkit.model.project import SourcesTable
from envkit.model.sources import PackageSources, Setting
from envkit.system.source_tables import SourcesFile
from envkit.system.sources import read_sources

PLACES = (
    MirroredPlace(place="pypi.org", kind="index", address="https://pypi.org/simple", probe="pip/", source="s"),
    MirroredPlace(place="wheels.org", kind="index", address="https://wheels.org", probe="whl/", source="s"),
)


def read(
    home: Path,
    environment: dict[str, str] | None = None,
    project: SourcesTable | None = None,
    *settings: SourcesTable,
) -> PackageSources:
    files = tuple(
        SourcesFile(table=table, origin=f"file {number} `{{}}`") for number, table in enumerate(settings, start=1)
    )
    return read_sources(environment or {}, home=str(home), system=str(home), project=project, settings=files)


def test_a_mirror_of_pypi_is_the_main_index_unless_the_project_names_one(tmp_path: Path) -> None:
    mirror = SourcesTable(mirrors={"pypi.org": "https://mirror/simple"})
    pip = {"PIP_INDEX_URL": "https://pip/simple"}
    expected = Setting(value="https://mirror/simple", origin="file 1 `mirrors.pypi.org`")
    assert read(tmp_path, pip, None, mirror).index == expected
    index = read(tmp_path, pip, SourcesTable(index="https://project/simple"), mirror).index
    assert index is not None
    assert index.value == "https://project/simple"


def test_the_variable_is_stronger_than_the_project_and_that_than_the_user_and_that_than_the_machine(
    tmp_path: Path,
) -> None:
    project = SourcesTable(mirrors={"quay.io": "project", "docker.io": "project"})
    user = SourcesTable(mirrors={"quay.io": "user", "docker.io": "user", "ghcr.io": "user"})
    machine = SourcesTable(mirrors={"ghcr.io": "machine", "nvcr.io": "machine"})
    sources = read(tmp_path, {"ENVKIT_MIRRORS": "docker.io=variable"}, project, user, machine)
    assert {place: setting.value for place, setting in sources.mirrors.items()} == {
        "docker.io": "variable",
        "quay.io": "project",
        "ghcr.io": "user",
        "nvcr.io": "machine",
    }


def test_a_word_of_the_variable_without_an_address_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"not: docker\.io$"):
        read(tmp_path, {"ENVKIT_MIRRORS": "docker.io"})


def test_a_proxy_of_the_settings_goes_before_the_usual_variables(tmp_path: Path) -> None:
    settings = SourcesTable(proxies={"https": "http://mine:3128"})
    sources = read(tmp_path, {"HTTPS_PROXY": "http://theirs", "NO_PROXY": "localhost"}, None, settings)
    assert {scheme: setting.value for scheme, setting in sources.proxies.items()} == {
        "https": "http://mine:3128",
        "no": "localhost",
    }


def test_a_certificate_of_the_settings_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="file 1 `ca_certificate`"):
        read(tmp_path, None, None, SourcesTable(ca_certificate=str(tmp_path / "none.pem")))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://pypi.org/simple", "https://mirror/pypi"),
        ("https://pypi.org/simple/torch/", "https://mirror/pypi/torch/"),
        ("https://wheels.org/whl/cu126", "https://mirror/wheels/whl/cu126"),
        ("https://wheels.org.evil.example/whl", "https://wheels.org.evil.example/whl"),
        ("https://pypi.org/simpler", "https://pypi.org/simpler"),
    ],
)
def test_an_address_below_a_place_moves_to_its_mirror_and_no_other_does(url: str, expected: str) -> None:
    mirrors = {"pypi.org": "https://mirror/pypi/", "wheels.org": "https://mirror/wheels"}
    assert mirrored_url(url, mirrors, PLACES) == expected


def test_a_mirror_with_a_password_gets_it_back_where_it_is_asked() -> None:
    sources = PackageSources(mirrors={"wheels.org": Setting(value="https://me:word@mirror/wheels", origin="file")})
    assert restore_credentials("https://mirror/wheels/cu126", sources) == "https://me:word@mirror/wheels/cu126"
    assert restore_credentials("https://mirror/wheelsome", sources) == "https://mirror/wheelsome"
