"""Base images of the system and flavour that a request names: a refusal where the compatibility data has none."""

from difflib import get_close_matches

from msgspec.structs import replace

from envkit.model.request import Mode
from envkit.model.resolution import Blame
from envkit.resolve.problem import Problem
from envkit.resolve.sites import find_places

_FACT = "os"
_SOURCE = "the request"


def lacking_base(problem: Problem) -> Blame | None:
    """Return what is wrong where no base image of any vendor has the system that the request names; None: nothing."""
    request = problem.request
    if problem.mode is not Mode.CONTAINER or request.os is None or request.base_image is not None:
        return None
    if any(find_places(problem, vendor.name) for vendor in problem.matrix.vendors):
        return None
    flavor = "" if request.flavor == "slim" else f" for `--flavor {request.flavor}`"
    listed = ", ".join(base_systems(problem))
    return Blame(fact=_FACT, seen=request.os, needed=f"a system with base images{flavor}: {listed}", source=_SOURCE)


def base_systems(problem: Problem) -> tuple[str, ...]:
    """Return the systems that have base images of the request's flavour for the host's processor, sorted by name."""
    rows = (*problem.matrix.foundations.bases, *(row for vendor in problem.matrix.vendors for row in vendor.bases))
    systems = sorted({row.os for row in rows if row.os is not None})
    return tuple(name for name in systems if _serves(name, problem))


def nearest_systems(problem: Problem) -> tuple[str, ...]:
    """Return the systems to propose instead of the one that was asked for, the most similar name first."""
    systems = base_systems(problem)
    similar = get_close_matches(problem.request.os or "", systems, n=2, cutoff=0.5)
    return tuple(dict.fromkeys((*similar, *(name for name in systems if name.startswith("debian")))))[:2]


def _serves(name: str, problem: Problem) -> bool:
    asked = Problem(
        facts=problem.facts,
        request=replace(problem.request, os=name),
        matrix=problem.matrix,
        availability=problem.availability,
    )
    return any(find_places(asked, vendor.name) for vendor in problem.matrix.vendors)
