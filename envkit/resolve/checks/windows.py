"""Hosts that a build is made for: processor level, operating system, kernel, firmware, driver, installed runtime."""

import re
from fnmatch import fnmatchcase

from envkit.model.host import OperatingSystem
from envkit.model.matrix import OsRow
from envkit.model.recipe import HostWindow
from envkit.model.request import Mode
from envkit.model.resolution import Verdict
from envkit.resolve.checks.judgement import Gulf, Judgement, failed, passed, unknown
from envkit.resolve.options import Option
from envkit.resolve.sites import Place
from envkit.resolve.situation import Situation
from envkit.resolve.versions import vendor_within

WINDOW_RULE = "host-window"
_LEVEL = re.compile(r"(?P<family>.+?)(?:_v(?P<number>\d+))?")
_WORDS = {
    "os": "system",
    "os-version": "system's version",
    "kernel": "kernel",
    "firmware": "firmware of the devices",
    "driver": "driver",
    "runtime": "installed runtime",
}


def cpu_level(option: Option, situation: Situation) -> Judgement | None:
    """Require a processor that has the level and the features of the build's machine code."""
    build, rule = option.build, "cpu-level"
    needs = (*((f"level {build.cpu_level}",) if build.cpu_level else ()), *build.cpu_features)
    if not needs:
        return None
    needed, sources = " and ".join(needs), (build.source,)
    cpu = situation.problem.facts.cpu
    level, features = (None, None) if cpu is None else (cpu.level, cpu.features)
    fits = (*_level_fits(build.cpu_level, level), *_features_fit(build.cpu_features, features))
    facts = ("cpu.level",) if build.cpu_level else ("cpu.features",)
    if False in fits:
        absent = [name for name in build.cpu_features if features is not None and name not in features]
        seen = f"no {' and no '.join(absent)}" if absent else f"level {level}"
        gulf = Gulf(seen=seen, needed=needed, group=needed)
        reason = f"wheel needs a processor with {needed}; host has {seen}"
        return failed(rule, reason, gulf, facts=facts, sources=sources)
    if None in fits:
        reason = f"what the processor can do is not known; assumed {needed}"
        return unknown(rule, reason, facts=facts, sources=sources)
    return passed(rule, f"wheel needs a processor with {needed}; host has it", facts=facts, sources=sources)


def host_window(option: Option, place: Place, situation: Situation) -> Judgement | None:
    """Require every window of the build, on the host, or in the base image where that decides.

    The operating system of a container is its base's; kernel, driver and firmware are the host's. A runtime that is
    installed beside the packages is the host's for a native environment, and the base image's in a container.
    """
    judged = [_judge_window(window, option, place, situation) for window in option.build.windows]
    if not judged:
        return None
    refusal = next((judgement for judgement in judged if judgement.fails), None)
    if refusal is not None:
        return refusal
    opened = [judgement for judgement in judged if judgement.check.verdict is Verdict.UNKNOWN]
    chosen = [judgement.check for judgement in opened or judged]
    say = unknown if opened else passed
    return say(
        WINDOW_RULE,
        "; ".join(check.reason for check in chosen),
        facts=tuple(dict.fromkeys(fact for check in chosen for fact in check.facts)),
        sources=tuple(dict.fromkeys(source for check in chosen for source in check.sources)),
    )


def _judge_window(window: HostWindow, option: Option, place: Place, situation: Situation) -> Judgement:
    word, path = _WORDS[window.fact], _path(window.fact, situation)
    facts = () if window.fact == "os" and place.site.mode is Mode.CONTAINER else (path,)
    sources = (window.source,)
    needed = " or ".join(window.allowed)
    seen = _seen(window.fact, option, place, situation)
    if seen is None:
        return unknown(WINDOW_RULE, f"the {word} is not known; assumed one of {needed}", facts=facts, sources=sources)
    found = ", ".join(seen) if window.fact == "runtime" else (seen[0] if seen else "")
    reason = f"build is for {word} {needed}; seen {found or 'none'}"
    if any(_allows(window, allowed, text) for allowed in window.allowed for text in seen):
        return passed(WINDOW_RULE, reason, facts=facts, sources=sources)
    gulf = Gulf(seen=found or f"no {word}", needed=needed, group=f"{window.fact.partition('-')[0]} {needed}")
    return failed(WINDOW_RULE, reason, gulf, facts=facts, sources=sources)


def _allows(window: HostWindow, allowed: str, seen: str) -> bool:
    return fnmatchcase(seen, allowed.lower()) if window.fact == "os" else vendor_within(allowed, seen)


def _path(fact: str, situation: Situation) -> str:
    own = {"os": "os.id", "os-version": "os.version", "kernel": "os.kernel"}
    if fact in own:
        return own[fact]
    return f"stacks.{situation.vendor_name}.{'runtimes' if fact == 'runtime' else fact}"


def _seen(fact: str, option: Option, place: Place, situation: Situation) -> tuple[str, ...] | None:
    """Return what is there, the most telling first; None where it is not known."""
    if fact == "os":
        return _system_names(place, situation) or None
    if fact == "runtime":
        return _runtimes(option, place, situation)
    system, stack = situation.problem.facts.os, situation.stack
    text: str | None
    if fact in {"kernel", "os-version"}:
        text = None if system is None else system.kernel if fact == "kernel" else system.version
    else:
        text = None if stack is None else stack.firmware if fact == "firmware" else stack.driver
    return None if text is None else (text,)


def _runtimes(option: Option, place: Place, situation: Situation) -> tuple[str, ...] | None:
    """Return the versions of the build's runtime: those on the host, or in the base image."""
    if place.site.mode is Mode.CONTAINER:
        there = place.site.runtimes
    else:
        there = None if situation.stack is None else situation.stack.runtimes
    name = option.build.runtime.name if option.build.runtime is not None else ""
    return None if there is None else tuple(runtime.version for runtime in there if runtime.name == name)


def _system_names(place: Place, situation: Situation) -> tuple[str, ...]:
    """Return the names that a system goes by, its own first: `rocky-9.4`, `rocky-9`, and of the row, `rhel-9`."""
    system = situation.problem.facts.os
    if place.site.mode is Mode.CONTAINER:
        own: tuple[str, ...] = (place.site.os,) if place.site.os is not None else ()
    else:
        own = _host_names(system)
    rows = situation.problem.matrix.foundations.distributions
    return (*own, *sorted({name for row in rows for name in _row_names(row) if set(own) & set(_row_names(row))}))


def _host_names(system: OperatingSystem | None) -> tuple[str, ...]:
    if system is None or system.id is None:
        return ()
    identity, version = system.id.lower(), (system.version or "").lower()
    return tuple(dict.fromkeys((f"{identity}-{version}", f"{identity}-{version.partition('.')[0]}")))


def _row_names(row: OsRow) -> tuple[str, ...]:
    return (f"{row.os}-{row.version}".lower(), *(alias.lower() for alias in row.aliases))


def _level_fits(needed: str | None, seen: str | None) -> tuple[bool | None, ...]:
    if needed is None:
        return ()
    ours, theirs = _LEVEL.fullmatch(needed), _LEVEL.fullmatch(seen or "")
    if ours is None or theirs is None or ours["family"] != theirs["family"]:
        return (None,)
    return (int(theirs["number"] or 1) >= int(ours["number"] or 1),)


def _features_fit(needed: tuple[str, ...], seen: tuple[str, ...] | None) -> tuple[bool | None, ...]:
    if not needed:
        return ()
    return (None,) if seen is None else (set(needed) <= set(seen),)
