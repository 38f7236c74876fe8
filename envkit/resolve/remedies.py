"""What would help: every change that makes the problem solvable, as a sentence and a command."""

from collections.abc import Callable

from envkit.model.resolution import Remedy
from envkit.model.version import VendorVersion
from envkit.resolve.additions import find_additions
from envkit.resolve.blame import failures_of, strictest
from envkit.resolve.changes import AGREE, FORWARD, OTHER_RECIPE, UNMASK, chosen_devices, newest_driver
from envkit.resolve.checks.source import absent_row
from envkit.resolve.checks.visibility import unset_words
from envkit.resolve.command import request_command
from envkit.resolve.situation import Situation
from envkit.resolve.trial import Trial

_SOURCE_RULES = frozenset({"index-availability", "base-image"})
_MODULE_RULE = "kernel-module"
_DRIVER_RULES = frozenset(
    {
        "driver-floor",
        "driver-exact",
        "driver-generation",
        "amd-driver-window",
        "runtime-driver",
        "container-admission",
        _MODULE_RULE,
    }
)


def make_remedies(trials: tuple[Trial, ...], situation: Situation) -> tuple[Remedy, ...]:
    """Return the remedies of all trials that a user can make, cheapest first, equal ones once."""
    remedies: dict[tuple[str, str], Remedy] = {}
    for trial in trials:
        if trial.offered:
            remedy = _remedy(trial, situation)
            remedies.setdefault((remedy.kind, remedy.command), remedy)
    return tuple(sorted(remedies.values(), key=lambda remedy: remedy.cost))


def image_remedies(situation: Situation) -> tuple[Remedy, ...]:
    """Return the vendor's images that have what envkit knows no builds of."""
    rows = ((want, absent_row(want, situation.vendor_name)) for want in situation.wants if not situation.served)
    found = {row.image: want.recipe.title for want, row in rows if row is not None and row.image is not None}
    return tuple(
        Remedy(
            kind="vendor-image",
            text=f"use an image that has {name} for {situation.title}; envkit does not build on it",
            command=f"docker pull {image}",
            cost=8,
        )
        for image, name in found.items()
    )


def _remedy(trial: Trial, situation: Situation) -> Remedy:
    steps = "; and ".join(_step(kind, trial, situation) for kind in trial.kinds)
    kinds = ["upgrade-driver" if kind == "change-driver" and _is_upgrade(situation) else kind for kind in trial.kinds]
    outcome = "; ".join(part.option.name for part in trial.combination.parts)
    command = request_command(
        trial.problem.request, trial.problem.availability, verb="resolve" if _lacking(trial, situation) else "up"
    )
    masks = situation.problem.facts.masks_of(situation.vendor_name)
    return Remedy(
        kind="+".join(kinds),
        text=f"{steps}: {outcome}",
        command=" ".join((*unset_words(masks), command)) if UNMASK in trial.kinds else command,
        cost=trial.cost,
    )


def _step(kind: str, trial: Trial, situation: Situation) -> str:
    place = trial.combination.place
    plain = {
        "pin-framework": "take a release that works here",
        "change-python": f"take Python {place.python}",
        "install-python": f"install Python {place.python} (`uv python install {place.python}`)",
        "drop-extra": "leave the extras out",
        "drop-package": "leave the further packages out",
        "any-index": "take builds from other indexes too",
        "use-native": "install on the host itself",
        OTHER_RECIPE: "take what has builds for the device",
        AGREE: "agree to the processor",
        UNMASK: "make the devices visible",
    }
    if kind in plain:
        return plain[kind]
    return _STEPS[kind](trial, situation)


def _container_step(trial: Trial, situation: Situation) -> str:
    usable = any(engine.usable for engine in situation.problem.facts.engines or ())
    need = "" if usable else ", which needs docker or podman"
    return f"use a container from {trial.combination.place.image}{need}"


def _device_step(trial: Trial, situation: Situation) -> str:
    kept = trial.problem.request.devices or ()
    names = ", ".join(device.label for device in situation.every_device if device.index in kept)
    return f"use only {names}"


def _plain_step(trial: Trial, _situation: Situation) -> str:
    return f"leave `--base-image` out; {trial.combination.place.image} has no condition of its own"


def _forward_step(trial: Trial, situation: Situation) -> str:
    lacking = _lacking(trial, situation)
    names = ", ".join(f"`{package}`" for package in lacking)
    need = f" with {names} of {situation.title}'s repository, which envkit does not install" if lacking else ""
    return f"allow forward compatibility{need}"


def _lacking(trial: Trial, situation: Situation) -> tuple[str, ...]:
    """Return what forward compatibility needs for a trial's solution and the machine does not have."""
    return tuple(row.package for row in find_additions(trial.combination, situation) if not row.provided)


def _driver_step(trial: Trial, situation: Situation) -> str:
    failures = [failure for failure in failures_of(trial, situation) if failure.rule in _DRIVER_RULES]
    numbers = strictest(tuple(failure.needed for failure in failures if failure.rule != _MODULE_RULE))
    modules = sorted({failure.needed for failure in failures if failure.rule == _MODULE_RULE})
    needed = " ".join((*((numbers,) if numbers else ()), *(f"with {module}" for module in modules)))
    newest = newest_driver(situation.problem, situation.vendor_name)
    served = ", ".join(device.label for device in chosen_devices(situation.problem, situation.vendor_name))
    branch = "" if newest is None else f"; {newest.removesuffix('.999')} is the newest branch that serves {served}"
    return f"install the {situation.title} driver {needed}{branch}"


def _is_upgrade(situation: Situation) -> bool:
    newest = newest_driver(situation.problem, situation.vendor_name)
    return newest is None or situation.driver is None or situation.driver < VendorVersion(newest)


def _mend_step(_trial: Trial, situation: Situation) -> str:
    places = {f"devices[{device.position}]" for device in situation.every_device}
    findings = [finding for finding in situation.problem.facts.findings if finding.fact in places]
    remedies = sorted(finding.remedy[0] for finding in findings if finding.remedy)
    if remedies:
        return f"mend the device: {remedies[0]}"
    newest = newest_driver(situation.problem, situation.vendor_name)
    branch = "" if newest is None else f" (newest branch for it: {newest.removesuffix('.999')})"
    return f"install the driver of the device{branch}, or see `envkit detect` for what keeps it from being used"


def _constraint_step(trial: Trial, situation: Situation) -> str:
    failures = [failure for failure in failures_of(trial, situation) if failure.rule == "constraint"]
    lines = sorted({f"{failure.seen} ({failure.check.facts[0]})" for failure in failures})
    return f"loosen the constraints {', '.join(lines)}"


def _index_step(trial: Trial, situation: Situation) -> str:
    failures = [failure for failure in failures_of(trial, situation) if failure.rule in _SOURCE_RULES]
    away = sorted({failure.needed for failure in failures})
    return f"make reachable, or name a mirror for, {', '.join(away)}"


_STEPS: dict[str, Callable[[Trial, Situation], str]] = {
    "change-driver": _driver_step,
    FORWARD: _forward_step,
    "plain-base": _plain_step,
    "loosen-constraint": _constraint_step,
    "mend-device": _mend_step,
    "reach-index": _index_step,
    "use-container": _container_step,
    "use-device": _device_step,
}
