"""Locks for other installers: PEP 751 as `packaging` reads it, and nothing of a user in them."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from packaging.pylock import Pylock, is_valid_pylock_path

from envkit.errors import UnsafeTextError
from envkit.generate import generate_artifacts
from envkit.model.plan import Plan

MakePlan = Callable[..., Plan]
GOLDEN = Path(__file__).parents[1] / "golden" / "outputs"


def with_document(plan: Plan, text: str) -> Plan:
    return msgspec.structs.replace(plan, lock=msgspec.structs.replace(plan.lock, pylock=text))


@pytest.mark.parametrize(
    ("profile", "path"), [(None, "pylock.toml"), ("gpu", "pylock.gpu.toml"), ("a.b c", "pylock.a-b-c.toml")]
)
def test_the_file_has_the_name_that_installers_look_for(
    container_plan: MakePlan, profile: str | None, path: str
) -> None:
    (file,) = generate_artifacts(container_plan(profile=profile), "pylock").files
    assert file.path == path
    assert is_valid_pylock_path(Path(file.path))


def test_it_is_the_document_of_the_lock_without_passwords(container_plan: MakePlan) -> None:
    plan = with_document(container_plan(), 'url = "https://user:word@mirror.example.com/a.whl"\n')
    (file,) = generate_artifacts(plan, "pylock").files
    assert file.text == 'url = "https://mirror.example.com/a.whl"\n'


def test_control_characters_are_refused(container_plan: MakePlan) -> None:
    with pytest.raises(UnsafeTextError):
        generate_artifacts(with_document(container_plan(), "a = \x1b[31m"), "pylock")


@pytest.mark.parametrize("output", ["pylock", "native"])
def test_packaging_takes_every_golden_lock(output: str) -> None:
    paths = sorted(GOLDEN.glob(f"*/*/{output}/pylock.*.toml"))
    assert len(paths) >= 12 * 6
    for path in paths:
        assert is_valid_pylock_path(path)
        document = Pylock.from_dict(tomllib.loads(path.read_text(encoding="utf-8")))
        assert all(wheel.hashes["sha256"] for package in document.packages for wheel in package.wheels or ())
