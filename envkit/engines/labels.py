"""Names and labels of envkit's images and containers, which are the only record of an environment."""

import hashlib
import re

import msgspec

from envkit.engines.records import ContainerRecord
from envkit.model.artifact import Artifacts
from envkit.model.environment import Environment, State
from envkit.model.plan import Plan
from envkit.model.value import to_line

PREFIX = "dev.envkit."
OWNER = f"{PREFIX}owner"  # uid: people who share an engine do not share environments
IMAGE = f"{PREFIX}image"
ARTIFACTS = f"{PREFIX}artifacts"  # hash over all that decides what is in an image
# What belongs to one environment or one network: an image with it could not be the same for the next one.
_NOT_OF_IMAGES = frozenset({f"{PREFIX}name", f"{PREFIX}fingerprint", f"{PREFIX}lock"})
_STATES = {
    "running": State.READY,
    "exited": State.STOPPED,
    "created": State.STOPPED,
    "stopped": State.STOPPED,  # what podman calls it until it has cleaned up
}


def image_labels(plan: Plan, artifacts: Artifacts) -> dict[str, str]:
    """Return the labels of a plan's image, the hash of its contents among them."""
    labels = {key: value for key, value in plan.labels.items() if key not in _NOT_OF_IMAGES}
    digest = hashlib.sha256(f"{to_line(artifacts)}\n{to_line(labels)}".encode()).hexdigest()
    return {**labels, ARTIFACTS: digest}


def repository(name: str) -> str:
    """Return the image repository of an environment; registries take small letters and single separators alone."""
    return f"envkit/{re.sub('[^a-z0-9]+', '-', name.lower()).strip('-')}"


def image_tag(plan: Plan, labels: dict[str, str]) -> str:
    """Return the tag of a plan's image, which changes with its contents."""
    return f"{repository(plan.name)}:{labels[ARTIFACTS][:12]}"


def standing_name(owner: int, name: str) -> str:
    """Return the name of the container that stands for an environment."""
    return f"envkit-{owner}-{name}"


def candidate_name(owner: int, name: str) -> str:
    """Return the name of a container that is not yet proven."""
    return f"envkit.candidate-{owner}-{name}"


def retired_name(owner: int, name: str) -> str:
    """Return the name of a container while another takes its place."""
    return f"envkit.retired-{owner}-{name}"


def read_environment(container: ContainerRecord, engine: str) -> Environment:
    """Return the environment that a container of an engine stands for; broken when its labels are not envkit's."""
    labels = container.labels
    state = _STATES.get(container.status, State.BROKEN)
    packages: dict[str, str] = {}
    try:
        packages = msgspec.json.decode(labels.get(f"{PREFIX}packages", ""), type=dict[str, str])
    except msgspec.DecodeError:
        state = State.BROKEN
    return Environment(
        name=labels.get(f"{PREFIX}name", ""),
        engine=engine,
        state=state,
        reference=container.id,
        fingerprint=labels.get(f"{PREFIX}fingerprint", ""),
        python=labels.get(f"{PREFIX}python", ""),
        vendor=labels.get(f"{PREFIX}vendor", ""),
        variant=labels.get(f"{PREFIX}variant", ""),
        recipes=tuple(labels.get(f"{PREFIX}recipes", "").split(",")),
        packages=packages,
        created=container.created,
        image=labels.get(IMAGE),
    )
