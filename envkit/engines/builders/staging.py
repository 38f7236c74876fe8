"""What all builders do before they build: the files are generated, and stand in a directory with the wheels."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from envkit.data import load_mirrors
from envkit.engines.image_context import StagedContext, staged_context
from envkit.engines.protocol import BuildContext, Progress
from envkit.generate import generate_artifacts
from envkit.generate.options import Dialect, Options
from envkit.model.address import mirrored_url
from envkit.model.artifact import Artifacts, GeneratedFile
from envkit.model.plan import Plan
from envkit.system.directories import cache_directory
from envkit.system.fetch import Fetching, fetch_wheels
from envkit.system.registry_names import parse_reference


def generated_files(plan: Plan, context: BuildContext, dialect: Dialect) -> tuple[GeneratedFile, ...]:
    """Return the files of the context, else those of the plan in the builder's dialect."""
    return (context.artifacts or generate_for(plan, dialect)).files


def generate_for(plan: Plan, dialect: Dialect) -> Artifacts:
    """Return the Dockerfile of a plan and its files in a dialect.

    In the portable one the base image has its whole name: only the Docker Engine is sure to take `python` for that of
    Docker Hub.
    """
    if dialect is Dialect.PORTABLE and plan.base is not None:
        base = msgspec.structs.replace(plan.base, image=str(parse_reference(plan.base.image)))
        plan = msgspec.structs.replace(plan, base=base)
    return generate_artifacts(plan, "dockerfile", Options(dialect=dialect))


@contextmanager
def staged_build(
    plan: Plan, context: BuildContext, files: tuple[GeneratedFile, ...], dialect: Dialect
) -> Iterator[StagedContext]:
    """Fill the directory of a build, with all wheels where the builder itself cannot fetch them, and remove it.

    Raises what `fetch_wheels` does, and `StorageError`.
    """
    with staged_context(plan, files, cache_directory() / "builds" / plan.name) as staged:
        if dialect is Dialect.PORTABLE:
            size = sum(wheel.stat().st_size for wheel in _bring_wheels(plan, context, staged.wheels))
            context.note(f"the wheels are copied into the build, which has no mounts: +{size / 1e6:.1f} MB of context")
        elif context.sources.offline:
            _bring_wheels(plan, context, staged.wheelhouse)
        yield staged


def _bring_wheels(plan: Plan, context: BuildContext, directory: Path) -> tuple[Path, ...]:
    mirrors = {place: setting.value for place, setting in context.sources.mirrors.items()}
    places = load_mirrors().places if mirrors else ()
    return fetch_wheels(
        plan.lock,
        context.sources,
        directory,
        lambda fetching: context.progress(_shown(fetching)),
        mirrored=lambda url: mirrored_url(url, mirrors, places),
    )


def _shown(fetching: Fetching) -> Progress:
    return Progress(text="fetching the wheels", done=fetching.done, total=fetching.total, finished=fetching.finished)
