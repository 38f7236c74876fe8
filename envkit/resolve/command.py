"""A request written as the command that makes it."""

import shlex
from typing import Literal

from envkit.model.availability import Availability
from envkit.model.request import Mode, Request

_NATIVE = "native"
_DEFAULT_ENGINE = "docker"
_WHEELHOUSE = "--wheelhouse"
_USUAL_FLAVOR = "slim"


def request_command(request: Request, availability: Availability, *, verb: Literal["up", "resolve"] = "up") -> str:
    """Return the command of a request, quoted for a shell; the date is not part of it.

    A container is asked for by the engine that makes it, docker where the request names none. Wheelhouses that were
    named on the command line are named again; those of a file are found there.
    """
    words = ["envkit", verb, *(str(spec) for spec in request.specs)]
    if request.engine == _NATIVE or (request.engine is None and request.mode is Mode.NATIVE):
        words.append("--native")
    elif request.engine is not None or request.mode is Mode.CONTAINER:
        words += ["--engine", request.engine or _DEFAULT_ENGINE]
    settings = (
        ("--on", request.on),
        ("--python", request.python),
        ("--only-index", request.only_index),
        ("--base-image", request.base_image),
        ("--os", request.os),
        ("--flavor", request.flavor if request.flavor != _USUAL_FLAVOR else None),
        ("--name", request.name if verb == "up" else None),
        *(("--allow", allowance.value) for allowance in request.allow),
    )
    for flag, value in settings:
        if value is not None:
            words += [flag, value]
    if request.devices is not None:
        words += ["--devices", ",".join(map(str, request.devices))]
    for package in request.packages:
        words += ["--with", package]
    typed = (wheel.path.rpartition("/")[0] for wheel in availability.wheels if wheel.origin == _WHEELHOUSE)
    for directory in dict.fromkeys(typed):
        words += [_WHEELHOUSE, directory]
    if availability.offline:
        words.append("--offline")
    return shlex.join(words)
