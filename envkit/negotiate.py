"""Resolution and lock until both agree with what indexes and registries really offer.

The resolver is pure: it chooses from the matrix and from what is known to be available. Here its choice is tried: the
index and base image that it wants are asked, its packages are locked, and whatever turns out to be impossible goes back
to it as a fact, so that it chooses the next candidate and says why.
"""

import re
from collections.abc import Callable

import msgspec

from envkit.errors import EnvkitError, LockError, NetworkError
from envkit.model.availability import Availability, ImageState, IndexState, Refusal
from envkit.model.host import HostFacts
from envkit.model.lock import Lock
from envkit.model.matrix import Matrix
from envkit.model.request import Request
from envkit.model.reserved import DEFAULT_INDEX
from envkit.model.resolution import Chosen, Resolution, Status
from envkit.model.value import Value
from envkit.resolve import resolve_request

# Each attempt costs a network round or a solve; a request that fails this often fails for one reason.
MAX_LOCK_ATTEMPTS = 8


class Question(Value):
    """What must be asked before a choice can stand."""

    indexes: tuple[tuple[str, str, str], ...] = ()  # name, URL, package
    image: str | None = None


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """The effects that negotiation needs."""

    index: Callable[[str, str, str], IndexState]  # name, URL, package
    image: Callable[[str], ImageState] | None  # None: no engine to ask
    lock: Callable[[Resolution], Lock]
    refused: Callable[[str], None]  # told each candidate's end, in a sentence


class Settled(Value):
    """A resolution, with all that was asked to make it."""

    resolution: Resolution
    availability: Availability
    lock: Lock | None = None


def settle_resolution(
    facts: HostFacts, request: Request, matrix: Matrix, availability: Availability, ask: Ask
) -> Settled:
    """Resolve, asking every index and base image that the choice rests on, until the choice stands."""
    while True:
        resolution = resolve_request(facts, request, matrix, availability)
        question = open_question(resolution.chosen, availability, can_ask_images=ask.image is not None)
        if question is None:
            return Settled(resolution=resolution, availability=availability)
        availability = _answered(availability, question, ask)


def settle_lock(facts: HostFacts, request: Request, matrix: Matrix, settled: Settled, ask: Ask) -> Settled:
    """Lock the choice; a choice that cannot be locked is refused and the next one is tried.

    Returns the settlement without a lock when no candidate is left; raises `LockError` or `NetworkError` when the
    attempts are used up, or when two different Pythons fail for one reason that has nothing to do with the choice.
    """
    last: EnvkitError | None = None
    before: Chosen | None = None
    for _ in range(MAX_LOCK_ATTEMPTS):
        chosen = settled.resolution.chosen
        if chosen is None or settled.resolution.status is Status.UNSATISFIABLE:
            if last is not None:
                raise last
            return settled
        try:
            return msgspec.structs.replace(settled, lock=ask.lock(settled.resolution))
        except (LockError, NetworkError) as error:
            if before is not None and last is not None and _is_hopeless(last, before, error, chosen):
                raise
            last, before = error, chosen
            ask.refused(f"{chosen.candidate}: {error.message}")
            availability = with_refusal(settled.availability, chosen, error)
        settled = settle_resolution(facts, request, matrix, availability, ask)
    raise last if last is not None else LockError("no candidate could be locked")


def _is_hopeless(last: EnvkitError, before: Chosen, error: EnvkitError, chosen: Chosen) -> bool:
    """Tell whether no other candidate can help: the same words for two Pythons, and none of what was chosen in them.

    A package that no index has, as a mistyped `--with`, fails that way for every candidate.
    """
    if not error.facts or error.facts != last.facts or before.python == chosen.python:
        return False
    words = {word.strip(".-") for word in re.split(r"[^\w.-]+", " ".join(error.facts))}
    return not any(name in words for name in (*before.packages, *chosen.packages))


def open_question(chosen: Chosen | None, availability: Availability, *, can_ask_images: bool) -> Question | None:
    """Return what nobody has asked yet about a choice, or None when it stands."""
    if chosen is None:
        return None
    asked = {state.name for state in availability.indexes}
    wanted = [
        (index.name, index.url, index.packages[0])
        for index in chosen.indexes
        if index.name not in asked and not index.flat and index.packages
    ]
    from_main_index = [name for name in chosen.packages if not any(name in index.packages for index in chosen.indexes)]
    if from_main_index and DEFAULT_INDEX not in asked and not availability.offline:
        wanted.append((DEFAULT_INDEX, availability.default_index, from_main_index[0]))
    image = None
    if can_ask_images and chosen.base is not None:
        known = {state.image for state in availability.images}
        image = None if chosen.base.image in known else chosen.base.image
    if not wanted and image is None:
        return None
    return Question(indexes=tuple(wanted), image=image)


def with_refusal(availability: Availability, chosen: Chosen, error: LockError | NetworkError) -> Availability:
    """Add what a failed lock says about a choice."""
    rule = "index-availability" if isinstance(error, NetworkError) else "package-conflict"
    refusal = Refusal(candidate=chosen.candidate, rule=rule, reason=error.message)
    return msgspec.structs.replace(availability, refusals=(*availability.refusals, refusal))


def _answered(availability: Availability, question: Question, ask: Ask) -> Availability:
    indexes = tuple(ask.index(name, url, package) for name, url, package in question.indexes)
    for state in indexes:
        if not state.reachable:
            ask.refused(f"index `{state.name}` cannot be reached ({state.reason}): {state.url}")
    images: tuple[ImageState, ...] = ()
    if question.image is not None and ask.image is not None:
        images = (ask.image(question.image),)
        for image in images:
            if not image.available:
                ask.refused(f"base image cannot be had ({image.reason}): {image.image}")
    return msgspec.structs.replace(
        availability,
        indexes=(*availability.indexes, *indexes),
        images=(*availability.images, *images),
    )
