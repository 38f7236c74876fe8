"""SPEC texts, versions and dates."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envkit.errors import BadSpecError
from envkit.model.request import Spec
from envkit.resolve.spec import parse_spec
from envkit.resolve.versions import day_number, pins_exactly, python_allowed, within


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("pytorch", Spec(recipe="pytorch")),
        ("pytorch>=2.9,<3", Spec(recipe="pytorch", range="<3,>=2.9")),
        (" PyTorch[vision,audio]==2.9.* ", Spec(recipe="pytorch", range="==2.9.*", extras=("audio", "vision"))),
        ("onnx_runtime", Spec(recipe="onnx-runtime")),
    ],
)
def test_a_spec_is_read(text: str, spec: Spec) -> None:
    assert parse_spec(text) == spec


@pytest.mark.parametrize("text", ["", "pytorch=2.9", "pytorch 2.9", "-x", "a @ https://b/c.whl", 'a; os_name == "x"'])
def test_what_is_no_spec_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(BadSpecError) as error:
        parse_spec(text)
    assert "pytorch>=2.9,<3" in error.value.hints[0]


def test_a_bad_range_is_a_bad_spec() -> None:
    with pytest.raises(BadSpecError, match=r"not a version range: >=x\.y"):
        within(">=x.y", "1.0")


@pytest.mark.parametrize(("text", "exact"), [("==2.15.0", True), ("==2.15.*", False), (">=2", False), ("", False)])
def test_only_one_version_is_a_pin(text: str, exact: bool) -> None:  # noqa: FBT001, a table of cases
    assert pins_exactly(text) is exact


@pytest.mark.parametrize(
    ("asked", "minor", "full", "allowed"),
    [
        (None, "3.12", "3.12.1", True),
        ("3.12", "3.12", "3.12.1", True),
        (">=3.12.4", "3.12", "3.12.1", False),
        (">=3.12.4", "3.12", "3.12", True),
        ("<=3.12", "3.12", "3.12", True),
        ("==3.11.*", "3.12", "3.12", False),
        (">=3.11", "3.13t", "3.13t", False),
        ("3.13t", "3.13t", "3.13t", True),
    ],
)
def test_a_python_is_allowed_by_range(asked: str | None, minor: str, full: str, allowed: bool) -> None:  # noqa: FBT001
    assert python_allowed(asked, minor, full) is allowed


@given(st.dates(), st.dates())
def test_day_numbers_differ_as_dates_do(first: dt.date, second: dt.date) -> None:
    difference = day_number(second.isoformat()) - day_number(first.isoformat())
    assert difference == (second - first).days
