"""How text from outside is written into a Dockerfile and the files beside it, and what is refused there."""

import re
from collections.abc import Sequence

import msgspec

from envkit.errors import DataError
from envkit.model.resolution import Base
from envkit.model.text import check_text, strip_controls

# https://github.com/distribution/reference/blob/main/regexp.go, without IPv6 hosts; a tag or digest is demanded here:
# a bare name could also be that of a build stage.
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_DIGEST = r"sha256:[0-9a-f]{64}"
_IMAGE = re.compile(
    rf"(?:{_LABEL}(?:\.{_LABEL})*(?::[0-9]{{1,5}})?/)?{_PART}(?:/{_PART})*"
    rf"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}}(?:@{_DIGEST})?|@{_DIGEST})"
)
_PUBLIC_URL = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~%+/-]*)?")
_MAX_LENGTH = 512  # characters; registries take names of at most 255 and tags of 128
_MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PROGRAM = re.compile(r"[A-Za-z0-9/][A-Za-z0-9._/-]*")
_LONGEST_SHOWN = 80  # characters


def quoted(text: str) -> str:
    r"""Return text as a value of ENV or LABEL: in quotes, with `\`, `"` and `$` escaped; raises `UnsafeTextError`."""
    return f'"{_escaped(check_text(text, "a value for a Dockerfile"))}"'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")


def exec_form(argv: Sequence[str]) -> str:
    """Return a command as the JSON form of RUN and CMD, which no shell reads; raises `UnsafeTextError`."""
    return f"[{', '.join(msgspec.json.encode(check_text(word, 'an argument')).decode() for word in argv)}]"


def image_reference(base: Base) -> str:
    """Return the image for FROM, by digest where that is known; raises `DataError` when it is no reference."""
    reference = base.image if base.digest is None or "@" in base.image else f"{base.image}@{base.digest}"
    return _checked(reference, _IMAGE, "a base image is `name:tag` or `name@sha256:…`")


def module_name(name: str) -> str:
    """Return the name of a Python module unchanged; raises `DataError` for anything else."""
    return _checked(name, _MODULE, "not the name of a Python module")


def variable_name(name: str) -> str:
    """Return the name of an environment variable unchanged; raises `DataError` for anything else."""
    return _checked(name, _VARIABLE, "not the name of an environment variable")


def program_name(name: str) -> str:
    """Return the name or path of a program unchanged; raises `DataError` for anything else."""
    return _checked(name, _PROGRAM, "not the name of a program")


def public_url(url: str) -> str:
    """Return the address of a public index unchanged; raises `DataError` for other schemes, queries or credentials."""
    return _checked(url, _PUBLIC_URL, "the address of a public index is `https://host/path`")


def _checked(value: str, pattern: re.Pattern[str], rule: str) -> str:
    if len(value) > _MAX_LENGTH or pattern.fullmatch(value) is None:
        shown = value if len(value) <= _LONGEST_SHOWN else f"{value[:_LONGEST_SHOWN]}…"
        message = f"{rule}: {strip_controls(shown)}"
        raise DataError(message)
    return value
