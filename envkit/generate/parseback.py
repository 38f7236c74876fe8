"""A Dockerfile read again as BuildKit reads it, to see that values did not turn into instructions."""

import re
from collections.abc import Mapping, Sequence

import msgspec

from envkit.errors import UnsafeTextError
from envkit.model.value import Value

_DIRECTIVE = re.compile(r"#\s*[A-Za-z]+\s*=")
_ASSIGNMENT = re.compile(r'(?P<name>[A-Za-z_][A-Za-z0-9_]*)="(?P<value>(?:[^"\\]|\\.)*)"(?:\s+|$)')
_WITH_HEREDOCS = frozenset({"ADD", "COPY", "RUN"})
_RULE = "a value would change the instructions of the Dockerfile"


class Instruction(Value):
    """One instruction, its continued lines joined."""

    keyword: str
    arguments: str


def parse_dockerfile(text: str) -> tuple[Instruction, ...]:
    """Return the instructions of a Dockerfile.

    Raises `UnsafeTextError` for what envkit never writes: parser directives and here-documents.
    Rules: https://docs.docker.com/reference/dockerfile/#format
    """
    instructions: list[Instruction] = []
    pending = ""
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.strip()
        if number == 1 and _DIRECTIVE.match(stripped):
            raise UnsafeTextError(_RULE, facts=(f"line 1 is a parser directive: {stripped}",))
        # Comments and empty lines do not end an instruction that goes on.
        if not stripped or stripped.startswith("#"):
            continue
        if stripped.endswith("\\"):
            pending += stripped[:-1].rstrip() + " "
            continue
        instructions.append(_instruction(pending + stripped, number))
        pending = ""
    if pending:
        raise UnsafeTextError(_RULE, facts=("the last line goes on",))
    return tuple(instructions)


def check_instructions(text: str, skeleton: str, slots: Mapping[str, str]) -> None:
    """Compare a rendered Dockerfile with one that was rendered from harmless words in the place of its values.

    `slots` maps each word to its value. Raises `UnsafeTextError` unless both have the same instructions.
    """
    expected = tuple(
        Instruction(keyword=instruction.keyword, arguments=_filled(instruction.arguments, slots))
        for instruction in parse_dockerfile(skeleton)
    )
    found = parse_dockerfile(text)
    if found != expected:
        different = [f"{seen.keyword} {seen.arguments}" for seen in found if seen not in expected]
        raise UnsafeTextError(_RULE, facts=(*different[:3], f"{len(found)} instructions, expected {len(expected)}"))


def _instruction(line: str, number: int) -> Instruction:
    keyword, _, arguments = line.partition(" ")
    keyword = keyword.upper()
    if keyword in _WITH_HEREDOCS and "<<" in arguments:
        raise UnsafeTextError(_RULE, facts=(f"line {number} starts a here-document: {line}",))
    return Instruction(keyword=keyword, arguments=arguments.strip())


def _filled(arguments: str, slots: Mapping[str, str]) -> str:
    """Put all values in place at once: a value may hold the word of another."""
    words = "|".join(map(re.escape, slots))
    return re.sub(words, lambda found: slots[found.group()], arguments) if slots else arguments


def check_settings(text: str, environment: Mapping[str, str], command: Sequence[str]) -> None:
    """Compare what a rendered Dockerfile sets at its end with what was meant; raises `UnsafeTextError`.

    The last ENV is read as BuildKit reads it, quotes and escapes removed, and the last CMD as JSON.
    """
    instructions = {instruction.keyword: instruction.arguments for instruction in parse_dockerfile(text)}
    found = read_environment(instructions.get("ENV", ""))
    different = sorted(name for name, value in environment.items() if found.get(name) != value)
    if different:
        raise UnsafeTextError(_RULE, facts=tuple(f"ENV does not give back the value of `{name}`" for name in different))
    if read_command(instructions.get("CMD", "")) != tuple(command):
        raise UnsafeTextError(_RULE, facts=("CMD does not give back the command",))


def read_environment(arguments: str) -> dict[str, str]:
    r"""Return the variables of ENV: `A="a \"b\"" C=…`; raises `UnsafeTextError` for what envkit never writes."""
    variables: dict[str, str] = {}
    rest = arguments
    while rest:
        found = _ASSIGNMENT.match(rest)
        if found is None:
            raise UnsafeTextError(_RULE, facts=(f"not an assignment of ENV: {rest}",))
        variables[found["name"]] = re.sub(r"\\(.)", r"\1", found["value"])
        rest = rest[found.end() :]
    return variables


def read_command(arguments: str) -> tuple[str, ...]:
    """Return the words of a command in JSON form; raises `UnsafeTextError` for any other form."""
    try:
        return msgspec.json.decode(arguments, type=tuple[str, ...])
    except msgspec.MsgspecError as error:
        raise UnsafeTextError(_RULE, facts=(f"not a command in JSON form: {arguments}",)) from error
