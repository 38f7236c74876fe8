"""Old data is named in the answer, by the day of the request; it changes nothing else."""

from datetime import date, timedelta

from msgspec.structs import replace

from envkit.model.availability import Availability
from envkit.model.matrix import Matrix
from envkit.model.request import Request, Spec
from envkit.model.resolution import Resolution
from envkit.resolve import resolve_request
from envkit.resolve.age import stale_note
from envkit.resolve.present import describe_resolution
from envkit.resolve.targets import target_facts


def after(matrix: Matrix, days: int) -> str:
    return (date.fromisoformat(matrix.newest_source) + timedelta(days=days)).isoformat()


def resolve(matrix: Matrix, days: int) -> Resolution:
    request = Request(specs=(Spec(recipe="jax"),), as_of=after(matrix, days))
    return resolve_request(target_facts("cpu", matrix), request, matrix, Availability())


def test_data_of_ninety_days_is_not_old(matrix: Matrix) -> None:
    assert matrix.foundations.stale_days == 90
    assert resolve(matrix, 90).matrix.stale is None


def test_older_data_is_told_with_its_age_and_the_command(matrix: Matrix) -> None:
    young, old = resolve(matrix, 90), resolve(matrix, 91)
    told = old.matrix.stale or ""
    assert "91 days old" in told
    assert matrix.newest_source in told
    assert told.endswith(": envkit matrix refresh")
    assert describe_resolution(old).endswith(f"warning: {told}\n")
    assert (old.status, old.chosen) == (young.status, young.chosen)


def test_where_no_limit_is_set_data_is_never_old(matrix: Matrix) -> None:
    unlimited = replace(matrix, foundations=replace(matrix.foundations, stale_days=None))
    assert stale_note(unlimited, after(matrix, 9999)) is None
