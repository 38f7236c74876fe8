"""What pipelines of forges have in common: the images that they build, one per profile, on machines without devices."""

import re

from envkit import __version__
from envkit.errors import DataError, UnsatisfiableError
from envkit.generate.naming import dns_label
from envkit.generate.options import Options
from envkit.model.pipelines import PipelineTools
from envkit.model.plan import Plan
from envkit.model.request import Mode
from envkit.model.value import Value

# What a tag of an image takes as well, and what neither a shell nor a forge replaces by something else.
_PROFILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_RELEASE = ".".join(__version__.split(".")[:2])
INSTALL = f"envkit~={_RELEASE}"  # for pip: any later one that reads the same lock
CHECK = "envkit lock --check"


class ImageJob(Value):
    """The build of the image of one profile."""

    profile: str | None  # None: the project has no profiles
    tag: str
    platform: str  # linux/amd64


def pipeline_tools(options: Options) -> PipelineTools:
    """Return what pipelines run on and with; raises `ValueError` where whoever generates did not give it."""
    if options.pipelines is None:
        message = "a pipeline is generated with the rows of `pipelines.yaml`, and none were given"
        raise ValueError(message)
    return options.pipelines


def project_name(plans: tuple[Plan, ...]) -> str:
    """Return the name that the images of a project have in a registry."""
    return dns_label(plans[0].name)


def image_jobs(plans: tuple[Plan, ...]) -> tuple[ImageJob, ...]:
    """Return one build per profile that has an image.

    Raises `UnsatisfiableError` when none has, and `DataError` for a profile whose name is no tag of an image.
    """
    jobs = tuple(_job(plan) for plan in plans if plan.mode is Mode.CONTAINER)
    if not jobs:
        message = f"no profile is built into an image: {', '.join(plan.profile or plan.name for plan in plans)}"
        raise UnsatisfiableError(message)
    return jobs


def build_command(jobs: tuple[ImageJob, ...], image: str, *, push: bool) -> str:
    """Return the command for a shell that builds the image of the profile `$PROFILE`, tagged with `$TAG`.

    `image` is the repository in the registry, as the shell writes it.
    """
    cache = f"type=registry,ref={image}:cache-$TAG"
    words = [
        "envkit build --locked",
        *([] if jobs[0].profile is None else ['--profile "$PROFILE"']),
        f'--tag "{image}:$TAG"',
        f'--cache-from "{cache}"',
        *(["--push", f'--cache-to "{cache},mode=max"'] if push else []),
    ]
    return " \\\n  ".join(words) + "\n"


def _job(plan: Plan) -> ImageJob:
    if plan.profile is not None and _PROFILE.fullmatch(plan.profile) is None:
        message = f"not the name of a profile that a pipeline and an image's tag can have: {plan.profile!r}"
        raise DataError(message)
    return ImageJob(profile=plan.profile, tag=plan.profile or "latest", platform=plan.platform)
