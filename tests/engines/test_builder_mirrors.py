"""The user's mirrors in builds: of base images, and of packages of the distribution."""

import tomllib

import pytest

from envkit.data import load_mirrors
from envkit.engines.builders.mirrors import mirrored_base, registries_configuration, system_sources
from envkit.errors import UnsafeTextError
from envkit.model.lock import Lock
from envkit.model.plan import Plan
from envkit.model.request import Mode
from envkit.model.resolution import Base
from envkit.model.sources import PackageSources, Setting

DIGEST = "sha256:" + "1" * 64


def sources(**mirrors: str) -> PackageSources:
    return PackageSources(
        mirrors={name.replace("_", "."): Setting(value=value, origin="test") for name, value in mirrors.items()}
    )


def test_the_mirror_of_debian_serves_its_packages_and_its_security_updates() -> None:
    text = system_sources("debian-12", sources(deb_debian_org="https://mirror.example.com/"), load_mirrors())
    assert text is not None
    assert text.splitlines() == [
        "deb https://mirror.example.com/debian bookworm main",
        "deb https://mirror.example.com/debian bookworm-updates main",
        "deb https://mirror.example.com/debian-security bookworm-security main",
    ]


def test_a_server_without_a_mirror_is_asked_itself() -> None:
    text = system_sources("ubuntu-24.04", sources(archive_ubuntu_com="https://mirror"), load_mirrors())
    assert text is not None
    assert "deb https://mirror/ubuntu noble main universe" in text
    assert "deb http://security.ubuntu.com/ubuntu noble-security main universe" in text


@pytest.mark.parametrize("system", ["debian-12", "slackware-15", None])
def test_without_a_mirror_the_sources_of_the_image_hold(system: str | None) -> None:
    assert system_sources(system, sources(docker_io="mirror/hub"), load_mirrors()) is None


def test_every_place_that_a_file_names_is_known() -> None:
    table = load_mirrors()
    for row in table.systems:
        settings = PackageSources(
            mirrors={place.place: Setting(value="https://mirror", origin="test") for place in table.places}
        )
        assert "{" not in (system_sources(row.os, settings, table) or "{")


def test_a_mirror_cannot_add_lines() -> None:
    with pytest.raises(UnsafeTextError):
        system_sources("debian-12", sources(deb_debian_org="https://m\ndeb evil /"), load_mirrors())


def plan_on(image: str, digest: str | None = None) -> Plan:
    lock = Lock(python="3.11", platform="x86_64-manylinux_2_36", packages=(), pylock="", sha256="0" * 64)
    return Plan(
        name="demo",
        mode=Mode.CONTAINER,
        vendor="cpu",
        variant="cpu",
        python="3.11",
        packages={},
        lock=lock,
        smoke=(),
        fingerprint="f",
        base=Base(image=image, digest=digest),
    )


@pytest.mark.parametrize(
    ("image", "digest", "expected"),
    [
        ("python:3.12", None, ("python:3.12", "mirror.example.com/hub/library/python:3.12")),
        ("nvidia/cuda:12", DIGEST, (f"nvidia/cuda:12@{DIGEST}", f"mirror.example.com/hub/nvidia/cuda:12@{DIGEST}")),
        ("quay.io/ascend/cann:9", None, None),
    ],
)
def test_the_base_image_keeps_its_name_and_comes_from_the_mirror_of_its_registry(
    image: str, digest: str | None, expected: tuple[str, str] | None
) -> None:
    assert mirrored_base(plan_on(image, digest), sources(docker_io="mirror.example.com/hub/")) == expected


def test_podman_is_told_of_the_mirrors_of_registries_alone() -> None:
    text = registries_configuration(
        sources(docker_io="127.0.0.1:5000/hub", pypi_org="https://m/simple"), load_mirrors()
    )
    assert text is not None
    assert tomllib.loads(text) == {
        "unqualified-search-registries": ["docker.io"],
        "registry": [
            {
                "prefix": "docker.io",
                "location": "docker.io",
                "mirror": [{"location": "127.0.0.1:5000/hub", "insecure": True}],
            }
        ],
    }
    assert registries_configuration(sources(pypi_org="https://m/simple"), load_mirrors()) is None
