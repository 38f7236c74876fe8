"""Plans that outputs and images are made from, for any machine: from a lock, or resolved and locked on the spot."""

from collections.abc import Callable
from pathlib import Path

import msgspec

from envkit.data import load_matrix
from envkit.errors import DriftError, ImageMissingError, LockFileError, NetworkError
from envkit.lock.portable import make_portable
from envkit.model.availability import ImageState
from envkit.model.image import RegistryImage
from envkit.model.lock import Lock
from envkit.model.plan import Plan
from envkit.plan import public_indexes
from envkit.project.lock_inputs import ProfileInput
from envkit.project.locked import locked_plan
from envkit.settle import Reporter, plan_settled, refusal_of, settle_choice

FindImage = Callable[[str], ImageState]


def make_fresh_plan(each: ProfileInput, directory: Path, find_image: FindImage | None, reporter: Reporter) -> Plan:
    """Resolve and lock for a machine that need not be this one, and return the plan.

    Its lock names nothing of this machine. `find_image` asks a registry, None where none is to be asked. Raises
    `UnsatisfiableError` and what `settle_choice` raises.
    """
    matrix = load_matrix(tuple(spec.recipe for spec in each.wish.request.specs))
    settled = settle_choice(each.facts, each.wish, matrix, find_image, reporter)
    chosen = settled.resolution.chosen
    if settled.lock is None or chosen is None:
        raise refusal_of(settled.resolution)
    public = public_indexes(chosen, matrix)
    portable = make_portable(settled.lock, directory=directory, indexes=public, used=chosen.indexes)
    for note in portable.notes:
        reporter.note(note)
    plan = plan_settled(each.facts, settled, each.wish, matrix, each.wish.request.engine or "")
    return msgspec.structs.replace(plan, lock=_with_sizes(portable.lock, settled.lock))


def _with_sizes(lock: Lock, made: Lock) -> Lock:
    """Return a lock with the sizes of files, which a lock that is kept does not name: not every index tells them."""
    sizes = {package.name: package.file.size for package in made.packages}
    packages = tuple(
        msgspec.structs.replace(package, file=msgspec.structs.replace(package.file, size=sizes.get(package.name)))
        for package in lock.packages
    )
    return msgspec.structs.replace(lock, packages=packages)


def find_locked_plan(each: ProfileInput, directory: Path, reporter: Reporter) -> Plan | None:
    """Return the plan of a profile that is locked as the project file asks for it; None where it is not, and say so."""
    try:
        return locked_plan(directory, each, engine=each.wish.request.engine, elsewhere=True)
    except DriftError as error:
        reporter.note(f"warning: the lock is not used, {error.message}")
        for fact in error.facts:
            reporter.note(fact)
    except LockFileError as error:
        reporter.note(f"not locked: {error.message}")
    return None


def image_finder(registry: Callable[[str], RegistryImage], engine: FindImage | None, reporter: Reporter) -> FindImage:
    """Return who asks for base images: the engine of this machine, which has its own mirrors, and else the registry.

    Where neither can be reached the image counts as there, without its digest: whoever builds will see.
    """

    def find(image: str) -> ImageState:
        if engine is not None:
            state = engine(image)
            if state.available:
                return state
        try:
            return ImageState(image=image, available=True, digest=registry(image).digest)
        except ImageMissingError as error:
            return ImageState(image=image, available=False, reason=error.message)
        except NetworkError as error:
            reporter.note(f"warning: the base image is named without its digest, {error.message}")
            return ImageState(image=image, available=True, reason=error.message)

    return find
