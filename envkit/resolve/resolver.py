"""The entry of the stage: facts, request, matrix and availability in, a resolution out."""

from envkit.model.availability import Availability
from envkit.model.host import HostFacts
from envkit.model.matrix import Matrix
from envkit.model.request import Request
from envkit.model.resolution import Blame, Check, MatrixStamp, Remedy, Resolution, Status
from envkit.resolve.age import stale_note
from envkit.resolve.answer import Answer, find_answer
from envkit.resolve.attempt import Attempt
from envkit.resolve.blame import find_blame
from envkit.resolve.changes import AGREE, OTHER_RECIPE, find_changes
from envkit.resolve.chosen import make_chosen
from envkit.resolve.options import OptionPool
from envkit.resolve.problem import Problem
from envkit.resolve.rejected import group_refusals
from envkit.resolve.remedies import image_remedies, make_remedies
from envkit.resolve.trial import find_trials
from envkit.resolve.why_not import explain_doubt


def resolve_request(facts: HostFacts, request: Request, matrix: Matrix, availability: Availability) -> Resolution:
    """Choose what to install for a request on a host and say why, or say what makes it impossible and what would help.

    The same input gives the same answer, whatever the order of its tuples. Raises `UnknownRecipeError`, `BadSpecError`
    and `UsageError` for requests that name what is not there, `DataError` for a constraint that is none.
    """
    answer = find_answer(Problem(facts=facts, request=request, matrix=matrix, availability=availability))
    blame, remedies = _help(answer)
    combination = answer.attempt.combination
    refused = tuple(entry for attempt in (*answer.failed, answer.attempt) for entry in attempt.refused)
    return Resolution(
        status=answer.status,
        request=request,
        matrix=MatrixStamp(
            revision=matrix.revision, newest_source=matrix.newest_source, stale=stale_note(matrix, request.as_of)
        ),
        chosen=None if combination is None else make_chosen(answer, combination),
        checks=_checks(answer),
        rejected=group_refusals(refused),
        blame=blame,
        remedies=remedies,
        why_not=explain_doubt(answer),
    )


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
    if not attempt.situation.installable:
        changes = tuple(change for change in changes if change.kind in {AGREE, OTHER_RECIPE})
    pool = OptionPool(answer.options)
    trials = find_trials(answer.problem, vendor, changes, pool)
    remedies = (*make_remedies(trials, attempt.situation), *image_remedies(attempt))
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
