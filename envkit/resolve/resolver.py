"""The entry of the stage: facts, request, matrix and availability in, a resolution out."""

from msgspec.structs import replace

from envkit.model.availability import Availability
from envkit.model.host import HostFacts
from envkit.model.matrix import Matrix
from envkit.model.request import Request
from envkit.model.resolution import Blame, Check, MatrixStamp, Remedy, Resolution, Status
from envkit.resolve.age import stale_note
from envkit.resolve.answer import Answer, find_answer
from envkit.resolve.attempt import Attempt
from envkit.resolve.bases import lacking_base, nearest_systems
from envkit.resolve.blame import find_blame
from envkit.resolve.changes import AGREE, OTHER_RECIPE, find_changes
from envkit.resolve.chosen import make_chosen
from envkit.resolve.command import request_command
from envkit.resolve.obstacles import Obstacles
from envkit.resolve.options import OptionPool
from envkit.resolve.problem import Problem, find_wants
from envkit.resolve.rejected import group_refusals
from envkit.resolve.remedies import image_remedies, make_remedies
from envkit.resolve.trial import find_trials
from envkit.resolve.why_not import explain_doubt


def resolve_request(facts: HostFacts, request: Request, matrix: Matrix, availability: Availability) -> Resolution:
    """Choose what to install for a request on a host and say why, or say what makes it impossible and what would help.

    The same input gives the same answer, whatever the order of its tuples. Raises `UnknownRecipeError`, `BadSpecError`
    and `UsageError` for requests that name what is not there, `DataError` for a constraint that is none.
    """
    problem = Problem(facts=facts, request=request, matrix=matrix, availability=availability)
    blame = lacking_base(problem)
    if blame is not None:
        return _without_base(problem, blame)
    answer = find_answer(problem)
    blamed, remedies = _help(answer)
    combination = answer.attempt.combination
    refused = tuple(entry for attempt in (*answer.failed, answer.attempt) for entry in attempt.refused)
    return Resolution(
        status=answer.status,
        request=request,
        matrix=_stamp(problem),
        chosen=None if combination is None else make_chosen(answer, combination),
        checks=_checks(answer),
        rejected=group_refusals(refused),
        blame=blamed,
        remedies=remedies,
        why_not=explain_doubt(answer),
    )


def _without_base(problem: Problem, blame: Blame) -> Resolution:
    """Refuse a request for a system without base images, with systems that have some and serve the rest of it."""
    find_wants(problem)
    remedies = []
    for name in nearest_systems(problem):
        request = replace(problem.request, os=name)
        if resolve_request(problem.facts, request, problem.matrix, problem.availability).chosen is not None:
            command = request_command(request, problem.availability)
            remedies.append(Remedy(kind="change-os", text=f"make the container on {name}", command=command, cost=1))
    return Resolution(
        status=Status.UNSATISFIABLE,
        request=problem.request,
        matrix=_stamp(problem),
        blame=(blame,),
        remedies=tuple(remedies),
    )


def _stamp(problem: Problem) -> MatrixStamp:
    matrix = problem.matrix
    stale = stale_note(matrix, problem.request.as_of)
    return MatrixStamp(revision=matrix.revision, newest_source=matrix.newest_source, stale=stale)


def _checks(answer: Answer) -> tuple[Check, ...]:
    combination = answer.attempt.combination
    if combination is None:
        return ()
    judged = (*answer.attempt.host, *(judgement for part in combination.parts for judgement in part.judgements))
    checks = {(judgement.rule, judgement.check.reason): judgement.check for judgement in judged}
    return (*checks.values(), *answer.checks)


def _help(answer: Answer) -> tuple[tuple[Blame, ...], tuple[Remedy, ...]]:
    """Explain a refusal, or why an accelerator stays unused, by solving again with one thing changed."""
    attempt = _to_explain(answer)
    if attempt is None:
        return (), ()
    vendor = attempt.situation.vendor_name
    changes = find_changes(answer.problem, vendor)
    if not attempt.situation.has_builds:
        changes = tuple(change for change in changes if change.kind in {AGREE, OTHER_RECIPE})
    pool = OptionPool(answer.options, answer.conflicts)
    trials = find_trials(answer.problem, vendor, changes, pool, Obstacles(attempt, answer.options))
    remedies = (*make_remedies(trials, attempt.situation), *image_remedies(attempt.situation))
    return find_blame(attempt, trials, pool), tuple(sorted(remedies, key=lambda remedy: remedy.cost))


def _to_explain(answer: Answer) -> Attempt | None:
    """Return the failed attempt that the user would most want to succeed: of the vendor with the most memory."""
    if answer.failed:
        return min(
            answer.failed,
            key=lambda attempt: (
                -sum(device.device.memory_mib or 0 for device in attempt.situation.devices),
                attempt.situation.vendor_name,
            ),
        )
    return answer.attempt if answer.status is Status.UNSATISFIABLE else None
