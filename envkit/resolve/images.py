"""What the name and tag of an image tell about what is in it."""

import re

from envkit.model.matrix import Foundations, OsRow

_WORD = re.compile(r"[^-_]+")


def image_system(image: str, foundations: Foundations) -> OsRow | None:
    """Return the distribution of an image, or None where its name does not tell.

    Told by a word of the tag (`3.12-slim-bookworm`), or by a name and tag that are those of a distribution
    (`ubuntu:24.04`).
    """
    name, words = _parts(image)
    for row in sorted(foundations.distributions, key=lambda row: (row.os, row.version)):
        listed = {word.lower() for word in row.image_words}
        if listed & set(words) or (name == row.os and words[:1] == (row.version.lower(),)):
            return row
    return None


def image_python(image: str, foundations: Foundations) -> str | None:
    """Return the minor version of Python in an image that is of the family of a known base, or None."""
    whole = "/".join(image.partition("@")[0].split("/")[-1:])
    for base in foundations.bases:
        prefix, _, _ = base.image.partition("{python}")
        if prefix and whole.startswith(prefix):
            match = re.match(r"(\d+\.\d+)(?![\d])", whole.removeprefix(prefix))
            if match is not None:
                return match[1]
    return None


def _parts(image: str) -> tuple[str, tuple[str, ...]]:
    """Return the last part of an image's name, and the words of its tag."""
    name, _, tag = image.partition("@")[0].rpartition("/")[2].partition(":")
    return name.lower(), tuple(word.lower() for word in _WORD.findall(tag))
