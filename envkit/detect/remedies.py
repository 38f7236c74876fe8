"""What is typed on this system to put one thing right."""

import re

from envkit.model.host import OperatingSystem
from envkit.model.knowledge import RemedyRow, SystemFamily

CONTAINER = "container"
_ANY = "any"
_PLACE = re.compile(r"\{([a-z_]+)\}")


def remedy_steps(system: OperatingSystem | None, names: tuple[str, ...], values: dict[str, str]) -> tuple[str, ...]:
    """Return the steps of some remedies on this system, one after the other, with its values in their places.

    A remedy that has no step for this system adds none. Raises `UsageError` for a remedy that does not exist.
    """
    # Imported here: a healthy host needs no remedy.
    from envkit.data import load_remedy, load_systems

    families = family_chain(system, load_systems().families)
    known = _values(system) | values
    steps = (step for name in names for step in steps_for(load_remedy(name), families))
    return tuple(dict.fromkeys(_PLACE.sub(lambda match: known.get(match[1], match[0]), step) for step in steps))


def steps_for(remedy: RemedyRow, families: tuple[str, ...]) -> tuple[str, ...]:
    """Return the steps of the nearest family that has some, its values still to be put in."""
    return next((remedy.steps[name] for name in families if name in remedy.steps), ())


def family_chain(system: OperatingSystem | None, families: tuple[SystemFamily, ...]) -> tuple[str, ...]:
    """Return the families of a system, nearest first, and last the one of every system.

    The `ID` of os-release counts before `ID_LIKE`, which openEuler and Kylin do not have.
    """
    if system is None:
        return (_ANY,)
    names = tuple(name.lower() for name in (system.id or "", *(system.id_like or ())))
    by_name = {family.name: family for family in families}
    waiting = [family.name for name in names for family in families if name in map(str.lower, family.ids)]
    chain: dict[str, None] = {CONTAINER: None} if system.container else {}
    while waiting:
        name = waiting.pop(0)
        if name not in chain:
            chain[name] = None
            waiting = [*(by_name[name].parents if name in by_name else ()), *waiting]
    return (*chain, _ANY)


def _values(system: OperatingSystem | None) -> dict[str, str]:
    if system is None:
        return {}
    told = {"kernel": system.kernel, "id": system.id, "version": system.version}
    return {name: value for name, value in told.items() if value is not None}
