"""A definition file of Apptainer: the steps of the Dockerfile in one image, and the proof as its test.

Reference: https://apptainer.org/docs/user/latest/definition_files.html
"""

import re
import shlex
from collections.abc import Iterable, Iterator
from posixpath import dirname

from envkit.errors import DataError
from envkit.generate.image import WHEELHOUSE, image_files
from envkit.generate.naming import dns_label
from envkit.generate.parseback import Instruction, parse_dockerfile, read_command, read_environment
from envkit.generate.quoting import variable_name
from envkit.generate.smoke import FILE, smoke_file
from envkit.model.artifact import GeneratedFile
from envkit.model.plan import Plan
from envkit.model.text import check_text
from envkit.model.value import Value

_IMAGE = "image"
_PROOF = f"/opt/envkit-proof/{FILE}"
# Settings that the base image may have of its own stay there.
_PIP_SETTINGS = "/etc/pip.conf"
_OWN_PIP_SETTINGS = "/run/envkit/pip.conf"
_READABLE = f"chmod -R a+rX {dirname(_PROOF)}"
# Whoever starts a container of Apptainer is the same user inside, with the same home.
_OF_THE_USER = frozenset({"HOME", "USER", "LOGNAME", "PATH"})
_WITHOUT_EFFECT = frozenset({"CMD", "ENTRYPOINT", "FROM", "USER", "WORKDIR"})
_MOUNT = re.compile(r"--mount=(\S+)\s+")
_TAG = re.compile(r":[^/:@]+@")
_BIND_SEPARATOR = re.compile(r"[:,\\]")


class _Steps(Value):
    """What a Dockerfile does, in the words of a definition file."""

    base: str
    files: dict[str, str] = {}  # of the image's context, with where the commands expect them
    commands: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()  # what only the commands need
    environment: dict[str, str] = {}


def generate_files(plan: Plan) -> tuple[GeneratedFile, ...]:
    """Return the definition file and what it copies into the image.

    Raises `UnsatisfiableError` for a plan without a base image, `DataError` and `UnsafeTextError` for a value that the
    format cannot hold.
    """
    name = dns_label(plan.name)
    context = image_files(plan, _IMAGE, linked=False)
    dockerfile = next(file for file in context if file.path == f"{_IMAGE}/Dockerfile")
    lines = _definition(plan, _read_steps(parse_dockerfile(dockerfile.text)), name)
    definition = GeneratedFile(path=f"{name}.def", text="".join(f"{line}\n" for line in lines))
    copied = tuple(file for file in context if file is not dockerfile)
    return (definition, smoke_file(plan), *copied)


def _definition(plan: Plan, steps: _Steps, name: str) -> Iterator[str]:
    yield from _heading(plan, name)
    yield from ("Bootstrap: docker", f"From: {steps.base}")
    files = {f"{_IMAGE}/{source}": target for source, target in steps.files.items()} | {FILE: _PROOF}
    yield from _section("files", (f"{source} {target}" for source, target in files.items()))
    yield from _section("post", ("set -eu", *steps.commands, f"rm -rf {_words(steps.removed)}", _READABLE))
    yield from _section("environment", _environment(plan, steps))
    start = _words(plan.run.command) if plan.run.command else "python"
    yield from _section("runscript", ('if [ "$#" -gt 0 ]; then exec "$@"; fi', f"exec {start}"))
    yield from _section("test", (f"exec python -I {_PROOF}",))
    yield from _section("labels", (_label(name, value) for name, value in plan.labels.items()))


def _heading(plan: Plan, name: str) -> Iterator[str]:
    options = [*plan.devices.apptainer]
    for mount in plan.mounts:
        for path in (mount.source, mount.target):
            if _BIND_SEPARATOR.search(path):
                message = f"Apptainer cannot mount a path with a colon, comma or backslash: {path!r}"
                raise DataError(message)
        options += ["--bind", f"{mount.source}:{mount.target}{':ro' if mount.read_only else ''}"]
    given = "".join(f" {_word(option)}" for option in options)
    yield "# Written by envkit from a plan. Where it lies:"
    # The test computes on the devices, which the machine that builds may not have.
    yield f"#   apptainer build --notest {name}.sif {name}.def"
    yield f"#   apptainer test{given} {name}.sif"
    yield f"#   apptainer run{given} {name}.sif"
    yield "# Wheels from this machine: apptainer build --bind DIRECTORY:/wheelhouse …"


def _section(name: str, lines: Iterable[str]) -> Iterator[str]:
    yield ""
    yield f"%{name}"
    yield from (f"    {line}" for line in lines)


def _environment(plan: Plan, steps: _Steps) -> Iterator[str]:
    kept = {name: value for name, value in steps.environment.items() if name not in _OF_THE_USER}
    for name, value in (plan.devices.environment | kept).items():
        yield f"export {variable_name(name)}={_word(value)}"
    # The image's Python goes first, whatever else Apptainer looks for programs in.
    yield f'export PATH={_word(steps.environment["PATH"].removesuffix("$PATH"))}"$PATH"'


def _label(name: str, value: str) -> str:
    text = f"{name} {check_text(value, 'a label')}"
    if "{{" in text:
        message = f"Apptainer would replace a part of a label: {text}"
        raise DataError(message)
    return text


def _read_steps(instructions: tuple[Instruction, ...]) -> _Steps:
    files: dict[str, str] = {}
    commands: list[str] = []
    removed: list[str] = []
    environment: dict[str, str] = {}
    for keyword, arguments in ((found.keyword, found.arguments) for found in instructions):
        match keyword:
            case "ARG":
                variable, _, value = arguments.partition("=")
                commands.append(f"export {variable}={_word(value)}")
            case "RUN":
                seen, temporary = _mounts(arguments)
                files |= seen
                removed += temporary
                commands.append(_words(read_command(_MOUNT.sub("", arguments))))
            case "ENV":
                environment = read_environment(arguments)
            case _ if keyword not in _WITHOUT_EFFECT:
                raise ValueError(keyword)
    bases = (found.arguments.split()[0] for found in instructions if found.keyword == "FROM")
    return _Steps(
        base=_without_tag(next(base for base in bases if base != "scratch")),
        files=files,
        commands=tuple(dict.fromkeys((f"export PIP_CONFIG_FILE={_OWN_PIP_SETTINGS}", *commands))),
        removed=tuple(dict.fromkeys(removed)),
        environment=environment,
    )


def _mounts(arguments: str) -> tuple[dict[str, str], list[str]]:
    """Return the files of the context that a RUN sees, and the directories that are to be removed in the end."""
    files: dict[str, str] = {}
    removed: list[str] = []
    for text in _MOUNT.findall(arguments):
        mount = {key: value for key, _, value in (part.partition("=") for part in text.split(","))}
        if mount["type"] == "bind" and not mount.get("from", "").startswith(WHEELHOUSE):
            target = _OWN_PIP_SETTINGS if mount["target"] == _PIP_SETTINGS else mount["target"]
            removed.append(target if "from" in mount else dirname(target))
            if "from" not in mount:
                files[mount["source"]] = target
    return files, removed


def _without_tag(image: str) -> str:
    """Return a reference with a digest as Apptainer takes it; it refuses one that has a tag as well."""
    return _TAG.sub("@", image)


def _words(words: Iterable[str]) -> str:
    return " ".join(map(_word, words))


def _word(text: str) -> str:
    """Return a word as a shell reads it, in which Apptainer finds none of its own `{{ variables }}`."""
    return re.sub(r"\{(?=\{)", "{''", shlex.quote(check_text(text, "a value for a definition file")))
