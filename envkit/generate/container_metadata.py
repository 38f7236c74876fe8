"""What the image of an environment says to tools that make development containers of images."""

from typing import Literal

from envkit.model.plan import Plan
from envkit.model.reserved import CPU
from envkit.model.value import Value, to_line

LABEL = "devcontainer.metadata"


class HostRequirements(Value):
    """The machine that a development container needs."""

    gpu: Literal[True]


class _Metadata(Value, rename="camel"):
    remote_user: str
    forward_ports: tuple[int, ...] = ()
    host_requirements: HostRequirements | None = None


def host_requirements(plan: Plan) -> HostRequirements | None:
    """Return what a plan needs of a machine; None where every machine will do."""
    return None if plan.vendor == CPU else HostRequirements(gpu=True)


def devcontainer_label(plan: Plan) -> dict[str, str]:
    """Return the label `devcontainer.metadata`, a list in JSON, for the image of a plan.

    Reference: https://containers.dev/implementors/spec/#image-metadata
    """
    metadata = _Metadata(
        # The image names no user: whoever runs it decides, and this is who does when nobody does.
        remote_user="1000",
        forward_ports=plan.run.ports,
        host_requirements=host_requirements(plan),
    )
    return {LABEL: to_line((metadata,))}
