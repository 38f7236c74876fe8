"""What is typed on this system to put one thing right."""

import re

from envkit.model.host import OperatingSystem
from envkit.model.knowledge import RemedyRow, SystemFamily

CONTAINER = "container"
_WINDOWS = "wsl"
_ANY = "any"
_PLACE = re.compile(r"\{([a-z_]+)\}")
_MAJOR = re.compile(r"[A-Za-z0-9]+")


def remedy_steps(system: OperatingSystem | None, names: tuple[str, ...], values: dict[str, str]) -> tuple[str, ...]:
    """Return the steps of some remedies on this system, one after the other, with its values in their places.

    The remedies that one needs come before it. A remedy that has no step for this system adds none. Raises
    `UsageError` for a remedy that does not exist.
    """
    known = system_values(system) | values
    rows = needed_remedies(names)
    steps = (step for row in rows for step in filled_steps(row, system, known))
    return tuple(dict.fromkeys(steps))


def needed_remedies(names: tuple[str, ...]) -> tuple[RemedyRow, ...]:
    """Return remedies by id, each after those that it needs; raises `UsageError` for one that does not exist."""
    # Imported here: a healthy host needs no remedy.
    from envkit.data import load_remedy

    ordered: dict[str, RemedyRow] = {}
    for name in names:
        row = load_remedy(name)
        ordered |= {need.id: need for need in needed_remedies(row.needs) if need.id not in ordered}
        ordered.setdefault(name, row)
    return tuple(ordered.values())


def filled_steps(remedy: RemedyRow, system: OperatingSystem | None, values: dict[str, str]) -> tuple[str, ...]:
    """Return a remedy's steps for a system, `values` in their places."""
    # Imported here: a healthy host needs no remedy.
    from envkit.data import load_systems

    steps = steps_for(remedy, family_chain(system, load_systems().families), frozenset(values))
    return tuple(_PLACE.sub(lambda match: values[match[1]], step) for step in steps)


def steps_for(remedy: RemedyRow, families: tuple[str, ...], known: frozenset[str]) -> tuple[str, ...]:
    """Return the steps of the nearest family that has some of which every value is known, to be put in their places."""
    rows = (remedy.steps[name] for name in families if name in remedy.steps)
    return next((steps for steps in rows if all(known.issuperset(_PLACE.findall(step)) for step in steps)), ())


def family_chain(system: OperatingSystem | None, families: tuple[SystemFamily, ...]) -> tuple[str, ...]:
    """Return the families of a system, nearest first, and last the one of every system.

    The `ID` of os-release counts before `ID_LIKE`, which openEuler and Kylin do not have. Before each family comes its
    release: `rhel-10`, `rhel`.
    """
    if system is None:
        return (_ANY,)
    names = tuple(name.lower() for name in (system.id or "", *(system.id_like or ())))
    by_name = {family.name: family for family in families}
    waiting = [family.name for name in names for family in families if name in map(str.lower, family.ids)]
    chain: dict[str, None] = {CONTAINER: None} if system.container else {}
    if system.wsl:
        chain[_WINDOWS] = None
    major = system_values(system).get("major")
    while waiting:
        name = waiting.pop(0)
        if name not in chain:
            chain |= {name: None} if major is None else {f"{name}-{major}": None, name: None}
            waiting = [*(by_name[name].parents if name in by_name else ()), *waiting]
    return (*chain, _ANY)


def system_values(system: OperatingSystem | None) -> dict[str, str]:
    """Return what the steps of remedies may say of every system: `kernel`, `id`, `version` and its `major`."""
    if system is None:
        return {}
    major = _MAJOR.match(system.version or "")
    told = {
        "kernel": system.kernel,
        "id": system.id,
        "version": system.version,
        "major": None if major is None else major.group(),
    }
    return {name: value for name, value in told.items() if value is not None}
