"""TOML files of other tools, with the place of what is wrong in them."""

import re
import tomllib
from collections.abc import Iterable

from envkit.errors import DataError

_PLACE = re.compile(r" \(at line (?P<line>\d+), column (?P<column>\d+)\)$")


def parse_toml(text: str, path: str) -> dict[str, object]:
    """Parse TOML; raises `DataError` with line and column."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _PLACE.search(str(error))
        place = f"{path}:{found['line']}:{found['column']}" if found else path
        reason = _PLACE.sub("", str(error)).partition(" (at ")[0]
        raise DataError(f"not TOML, {reason[:1].lower()}{reason[1:]}: {place}") from error
    except RecursionError as error:
        raise DataError(f"not TOML, it is nested too deeply: {path}") from error


def places_of(text: str, words: Iterable[str], path: str) -> tuple[str, ...]:
    """Return for each word the place where it stands, in quotes or not, after the word before; else the file alone."""
    places: list[str] = []
    end, line = 0, 1
    for word in words:
        quoted = (text.find(f"{mark}{word}{mark}", end) for mark in ('"', "'", ""))
        found = next((position for position in quoted if position >= 0), None)
        if found is None:
            places.append(path)
            continue
        line += text.count("\n", end, found)
        end = found
        places.append(f"{path}:{line}")
    return tuple(places)
