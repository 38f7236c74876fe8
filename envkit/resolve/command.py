"""A request written as the command that makes it."""

import shlex

from envkit.model.request import Mode, Request


def request_command(request: Request) -> str:
    """Return the `envkit up` command of a request, quoted for a shell; the date is not part of it."""
    words = ["envkit", "up", *(str(spec) for spec in request.specs)]
    if request.engine is not None:
        words += ["--engine", request.engine]
    elif request.mode is not None:
        words.append("--native" if request.mode is Mode.NATIVE else "--container")
    for flag, value in (("--on", request.on), ("--python", request.python)):
        if value is not None:
            words += [flag, value]
    if request.devices is not None:
        words += ["--devices", ",".join(map(str, request.devices))]
    for package in request.packages:
        words += ["--with", package]
    return shlex.join(words)
