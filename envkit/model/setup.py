"""What is missing on a host and how it is installed: `envkit-setup/1`."""

from typing import Literal

from envkit.model.value import Value

Restart = Literal["reboot", "login"]


class SetupPart(Value):
    """One thing that is missing, with the steps that install it on this system.

    A step is a command for a POSIX shell, or a sentence for people that begins with `# `.
    """

    remedy: str  # id: nvidia-driver
    title: str
    reason: str  # what was seen
    source: str  # where the steps are from
    retrieved: str  # ISO date
    steps: tuple[str, ...]

    @property
    def commands(self) -> tuple[str, ...]:
        """Return the steps that a shell runs."""
        return tuple(step for step in self.steps if not step.startswith("#"))

    @property
    def sentences(self) -> tuple[str, ...]:
        """Return what a person has to read or do, without the mark."""
        return tuple(step.removeprefix("#").strip() for step in self.steps if step.startswith("#"))


class SetupPlan(Value, tag_field="format", tag="envkit-setup/1"):
    """What is to be done on one host, in order; without parts nothing is missing."""

    system: str  # as it calls itself
    family: str | None = None  # whose steps were taken; None: this distribution has none of its own
    parts: tuple[SetupPart, ...] = ()
    restart: Restart | None = None  # what must follow the last step
    afterwards: tuple[str, ...] = ()  # commands for after it
    notes: tuple[str, ...] = ()  # what was seen and is not dealt with
