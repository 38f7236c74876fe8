"""The system and the flavour of base images, as a request names them."""

from functools import cache

import pytest

from envkit.data import load_matrix
from envkit.model.availability import Availability
from envkit.model.matrix import Matrix
from envkit.model.request import Mode, Request
from envkit.model.resolution import Base, Resolution, Status
from envkit.resolve import resolve_request
from envkit.resolve.spec import parse_spec
from envkit.resolve.targets import target_facts


@cache
def matrix() -> Matrix:
    return load_matrix(("xgboost", "pytorch", "lightgbm"))


def resolved(target: str, recipe: str, **fields: object) -> Resolution:
    usual: dict[str, object] = {"specs": (parse_spec(recipe),), "as_of": "2026-11-22", "mode": Mode.CONTAINER}
    request = Request(**{**usual, **fields})  # type: ignore[arg-type]
    facts = target_facts(target, matrix())
    return resolve_request(facts, request, matrix(), Availability())


def base_of(resolution: Resolution) -> Base:
    assert resolution.chosen is not None, resolution.blame
    assert resolution.chosen.base is not None
    return resolution.chosen.base


@pytest.mark.parametrize(
    "name",
    ["debian-12", "debian-13", "ubuntu-22.04", "ubuntu-24.04", "openeuler-24.03", "anolis-8", "rocky-9", "rhel-9"],
)
@pytest.mark.parametrize("flavor", ["slim", "devel"])
def test_each_system_has_an_image_whose_package_manager_is_known(name: str, flavor: str) -> None:
    base = base_of(resolved("h100", "xgboost", os=name, flavor=flavor, on="cpu"))
    assert base.os == name
    assert matrix().package_manager(base.package_manager) is not None
    assert base.flavor == flavor


def test_python_of_the_distribution_is_installed_where_the_image_brings_none() -> None:
    base = base_of(resolved("h100", "xgboost", os="rocky-9", on="cpu"))
    assert (base.python_program, base.python_packages) == ("python3.12", ("python3.12", "python3.12-pip"))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ("libgomp1",)),
        ({"os": "rocky-9"}, ("libgomp",)),
        ({"flavor": "devel"}, ()),
        ({"os": "rhel-9"}, ("libgomp",)),
    ],
    ids=["debian", "rocky", "with compilers", "ubi"],
)
def test_libraries_that_wheels_load_come_from_the_distribution_where_the_image_lacks_them(
    fields: dict[str, object], expected: tuple[str, ...]
) -> None:
    assert base_of(resolved("h100", "lightgbm", on="cpu", **fields)).libraries == expected
    assert base_of(resolved("h100", "xgboost", on="cpu", **fields)).libraries == ()


def test_system_is_taken_only_where_it_is_asked_for() -> None:
    assert base_of(resolved("h100", "xgboost", on="cpu")).os == "debian-12"


@pytest.mark.parametrize("name", ["debain-12", "windows-11", "ubuntu-18.04"])
def test_system_without_images_is_refused_with_those_that_there_are(name: str) -> None:
    resolution = resolved("h100", "xgboost", os=name, on="cpu")
    assert resolution.status is Status.UNSATISFIABLE
    (blame,) = resolution.blame
    assert (blame.fact, blame.seen, blame.source) == ("os", name, "the request")
    assert "openeuler-24.03" in blame.needed
    assert resolution.remedies[0].command.endswith(
        f"--os {'ubuntu-26.04' if name.startswith('ubuntu') else 'debian-12'}"
    )


def test_devel_brings_compilers_and_the_toolkit_that_the_build_is_for() -> None:
    resolution = resolved("h100,driver=580.65.06", "pytorch", flavor="devel")
    base, chosen = base_of(resolution), resolution.chosen
    assert chosen is not None
    assert chosen.runtime is not None
    assert base.compilers
    assert f"cuda:{chosen.runtime.version}" in base.image


def test_devel_of_the_processor_needs_no_toolkit() -> None:
    assert base_of(resolved("h100", "pytorch", flavor="devel", on="cpu")).image.startswith("python:")


def test_devel_is_refused_where_no_image_has_the_toolkit() -> None:
    resolution = resolved("h100,driver=580.65.06", "pytorch", flavor="devel", os="debian-12", on="nvidia")
    assert resolution.status is Status.UNSATISFIABLE
    assert {blame.fact for blame in resolution.blame} == {"runtime"}


def test_vendor_s_own_images_follow_the_system_that_is_asked_for() -> None:
    images = {name: base_of(resolved("910b", "pytorch", os=name)).image for name in ("ubuntu-22.04", "openeuler-24.03")}
    assert "cann:" in images["ubuntu-22.04"]
    assert "ubuntu22.04" in images["ubuntu-22.04"]
    assert "openeuler24.03" in images["openeuler-24.03"]


def test_image_with_compilers_and_toolkit_serves_both_flavours() -> None:
    assert base_of(resolved("910b", "pytorch", flavor="devel")).compilers
