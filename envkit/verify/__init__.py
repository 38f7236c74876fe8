"""Verification: a computation on each device with a known result, and installed versions equal to the lock."""

from importlib.resources import files
from typing import Protocol

import msgspec

from envkit.errors import VerifyError
from envkit.model.environment import Environment, Report, SmokeResult, VersionDifference
from envkit.model.plan import Plan
from envkit.model.reserved import CPU
from envkit.model.text import strip_controls
from envkit.model.value import Value
from envkit.model.version import is_build_of
from envkit.system.command import Completed

_MARKER = "envkit-report:"
# Frameworks load gigabytes from a cold disk; an accelerator without persistence mode takes tens of seconds to wake.
_TIMEOUT_SECONDS = 600.0


class _Observed(Value):
    """What the harness printed."""

    python: str
    user: int
    results: tuple[SmokeResult, ...]
    installed: dict[str, str]


class Executor(Protocol):
    """The part of an engine that verification needs."""

    def execute(
        self, environment: Environment, argv: tuple[str, ...], *, stdin: str | None, timeout_seconds: float
    ) -> Completed:
        """Run a command inside the environment and capture its output."""


def verify_environment(engine: Executor, environment: Environment, plan: Plan) -> Report:
    """Run the smoke test of every recipe inside the environment and compare its packages with the lock.

    A test that fails is in the report; raises `VerifyError` when the environment gave no report at all.
    """
    completed = engine.execute(
        environment, ("python", "-I", "-"), stdin=harness_program(plan), timeout_seconds=_TIMEOUT_SECONDS
    )
    observed = _read_report(completed, plan.name)
    differences = compare_versions(plan, observed.installed)
    return Report(
        name=plan.name,
        passed=bool(observed.results) and all(result.passed for result in observed.results) and not differences,
        python=observed.python,
        user=observed.user,
        results=tuple(_printable(result) for result in observed.results),
        packages_checked=len(plan.lock.packages) + len(plan.brought),
        differences=differences,
    )


def harness_program(plan: Plan) -> str:
    """Return the Python program that runs the plan's smoke tests and prints the report."""
    payload = {
        "marker": _MARKER,
        "tests": [
            {
                "recipe": test.recipe,
                "program": test.program,
                "device": test.device,
                "indices": list(test.indices),
                "numbered": plan.vendor != CPU,
            }
            for test in plan.smoke
        ],
    }
    source = files("envkit.verify").joinpath("harness.py").read_text(encoding="utf-8")
    return f"{source}\n\nmain(json.loads({msgspec.json.encode(payload).decode()!r}))\n"


def compare_versions(plan: Plan, installed: dict[str, str]) -> tuple[VersionDifference, ...]:
    """Return each locked package whose installed version differs or that is missing.

    Of what the base image brings, a vendor's build of the same release will do.
    """
    differing = {
        package.name: package.version
        for package in plan.lock.packages
        if installed.get(package.name) != package.version
    }
    differing |= {
        name: release for name, release in plan.brought.items() if not is_build_of(installed.get(name, ""), release)
    }
    return tuple(
        VersionDifference(package=name, locked=version, installed=installed.get(name))
        for name, version in differing.items()
    )


def _read_report(completed: Completed, name: str) -> _Observed:
    lines = [line for line in completed.stdout.splitlines() if line.startswith(_MARKER)]
    if not lines:
        tail = tuple(strip_controls(line) for line in (completed.stdout + completed.stderr).splitlines()[-10:])
        ended = completed.failure or f"exit status {completed.status}"
        message = f"the smoke test gave no report ({ended}) in environment: {name}"
        raise VerifyError(message, facts=tail, hints=(f"envkit exec {name} -- python",))
    try:
        return msgspec.json.decode(lines[-1].removeprefix(_MARKER), type=_Observed)
    except msgspec.DecodeError as error:
        message = f"the smoke test's report cannot be read ({error}) in environment: {name}"
        raise VerifyError(message) from error


def _printable(result: SmokeResult) -> SmokeResult:
    def clean(text: str | None) -> str | None:
        return None if text is None else strip_controls(text)

    return msgspec.structs.replace(
        result,
        device_name=clean(result.device_name),
        expected=clean(result.expected),
        observed=clean(result.observed),
        error=None if result.error is None else "\n".join(strip_controls(line) for line in result.error.splitlines()),
    )
