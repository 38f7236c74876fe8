"""Versions of vendors."""

import pytest

from envkit.model.version import is_build_of


@pytest.mark.parametrize(
    ("installed", "release", "expected"),
    [
        ("2.5.1", "2.5.1", True),
        ("2.5.1+das.opt1.dtk25041", "2.5.1", True),
        ("2.1.1a0+gitb51c9f6", "2.1.1", True),
        ("0.11.0.post1+metax", "0.11.0", True),
        ("2.5.10", "2.5.1", False),
        ("2.5.1.1", "2.5.1", False),
        ("2.5", "2.5.1", False),
        ("12.5.1", "2.5.1", False),
        ("", "2.5.1", False),
    ],
)
def test_a_vendors_build_is_told_by_its_release(installed: str, release: str, *, expected: bool) -> None:
    assert is_build_of(installed, release) is expected
