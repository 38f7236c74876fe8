"""A file for `docker buildx bake`: the images of all profiles of a project, built in one run.

Reference: https://docs.docker.com/build/bake/reference/
"""

import re

from envkit.errors import UnsatisfiableError, UsageError
from envkit.generate.container_metadata import devcontainer_label
from envkit.generate.image import SOURCE_DATE_EPOCH, image_files
from envkit.generate.naming import dns_label
from envkit.model.artifact import GeneratedFile
from envkit.model.plan import Plan
from envkit.model.request import Mode
from envkit.model.text import check_text
from envkit.model.value import Value, to_json

_NOT_IN_NAMES = re.compile(r"[^a-zA-Z0-9_-]+")
# Strings of the file are templates: https://github.com/hashicorp/hcl/blob/main/json/spec.md
_TEMPLATE = re.compile(r"([$%])\{")


class _Variable(Value):
    default: str


class _Group(Value):
    targets: tuple[str, ...]


class _Target(Value, rename="kebab"):
    context: str
    platforms: tuple[str, ...]
    args: dict[str, str]
    labels: dict[str, str]
    tags: tuple[str, ...]
    cache_from: str
    cache_to: str


class _Bake(Value):
    variable: dict[str, _Variable]
    group: dict[str, _Group]
    target: dict[str, _Target]


def generate_project(plans: tuple[Plan, ...]) -> tuple[GeneratedFile, ...]:
    """Return the file and the images' files, `image/PROFILE` for each.

    Raises `UnsatisfiableError` when no profile has an image, `UsageError` for profiles whose names become one, and
    `UnsafeTextError`.
    """
    built = tuple(plan for plan in plans if plan.mode is Mode.CONTAINER)
    if not built:
        message = f"no profile is built into an image: {' '.join(plan.profile or plan.name for plan in plans)}"
        raise UnsatisfiableError(message)
    targets = {_target_name(plan): plan for plan in built}
    if len(targets) != len(built):
        names = " ".join(plan.profile or plan.name for plan in built)
        message = f"profiles have names that become the same target: {names}"
        raise UsageError(message)
    bake = _Bake(
        variable={
            "IMAGE": _Variable(default=f"envkit/{dns_label(plans[0].name)}"),
            "SUFFIX": _Variable(default=""),
            "CACHE_FROM": _Variable(default=""),
            "CACHE_TO": _Variable(default=""),
        },
        group={"default": _Group(targets=tuple(targets))},
        target={name: _target(name, plan) for name, plan in targets.items()},
    )
    images = (file for name, plan in targets.items() for file in image_files(plan, _directory(name)))
    return (GeneratedFile(path="docker-bake.json", text=to_json(bake)), *images)


def _target(name: str, plan: Plan) -> _Target:
    labels = plan.labels | devcontainer_label(plan)
    return _Target(
        context=_directory(name),
        platforms=(_literal(plan.platform),),
        args={"SOURCE_DATE_EPOCH": str(SOURCE_DATE_EPOCH)},
        labels={_literal(key): _literal(value) for key, value in labels.items()},
        tags=(f"${{IMAGE}}:{name}${{SUFFIX}}",),
        cache_from=_cache("CACHE_FROM", name, ""),
        cache_to=_cache("CACHE_TO", name, ",mode=max"),
    )


def _cache(variable: str, name: str, options: str) -> str:
    """Return an expression: no cache where the variable is empty, else the one of a target in that repository."""
    return f'${{{variable} == "" ? [] : ["type=registry,ref=${{{variable}}}:{name}{options}"]}}'


def _directory(name: str) -> str:
    return f"image/{name}"


def _target_name(plan: Plan) -> str:
    return _NOT_IN_NAMES.sub("-", plan.profile or plan.name).strip("-") or "default"


def _literal(text: str) -> str:
    return _TEMPLATE.sub(r"\1\1{", check_text(text, "a value for docker-bake.json"))
