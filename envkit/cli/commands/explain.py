"""`envkit explain`: the page of an error code, or of a finding."""

import inspect
from difflib import get_close_matches

from envkit import errors
from envkit.cli.output import Output
from envkit.data import load_findings, load_remedies, load_vendors
from envkit.detect.remedies import needed_remedies
from envkit.errors import EnvkitError, UsageError
from envkit.model.knowledge import FindingGroup, FindingRow
from envkit.model.value import Value, to_json

_EVERYWHERE = "any"


class Page(Value, tag_field="format", tag="envkit-page/1"):
    """What `envkit explain --json` prints; `status` is an error's, the rest a finding's."""

    code: str
    text: str
    status: int | None = None
    title: str | None = None
    severity: str | None = None
    source: str | None = None
    steps: dict[str, tuple[str, ...]] = {}  # by family of systems, and vendor where each has its own


def error_pages() -> dict[str, type[EnvkitError]]:
    """Return every error class by its code."""
    classes = (value for _, value in inspect.getmembers(errors, inspect.isclass) if issubclass(value, EnvkitError))
    return {value.code: value for value in sorted(classes, key=lambda value: value.code)}


def page(kind: type[EnvkitError]) -> str:
    """Return the page of one error: its code, what happened, why, what to do."""
    return f"{kind.code} (exit status {int(kind.status)})\n\n{inspect.cleandoc(kind.__doc__ or '')}\n"


def finding_page(group: FindingGroup, row: FindingRow) -> Page:
    """Return the page of one finding: what it means, why it happens, what to do, and on which systems what is typed."""
    steps = _steps(row.remedies)
    for vendor, remedy in _vendor_remedies(row):
        steps |= {f"{vendor}, {family}": lines for family, lines in _steps((remedy,)).items()}
    source = group.sources[row.source].text
    parts = [f"{row.id} ({row.severity})", row.title, row.page.strip()]
    listed = [f"{_family(name)}:\n" + "\n".join(f"  {line}" for line in lines) for name, lines in steps.items()]
    text = "\n\n".join([*parts, *listed, f"source: {source}"]) + "\n"
    return Page(code=row.id, text=text, title=row.title, severity=row.severity.value, source=source, steps=steps)


def explain_code(output: Output, code: str, *, as_json: bool) -> int:
    """Print the page of an error code or of a finding; raises `UsageError` with similar names."""
    found = _find(code)
    output.data(to_json(found) if as_json else found.text)
    return 0


def _find(code: str) -> Page:
    kinds = error_pages()
    kind = kinds.get(code.upper())
    if kind is not None:
        return Page(code=kind.code, status=int(kind.status), text=page(kind))
    findings = {row.id: (group, row) for group in load_findings() for row in group.findings}
    if code.lower() in findings:
        return finding_page(*findings[code.lower()])
    close = [*get_close_matches(code.upper(), kinds, n=3), *get_close_matches(code.lower(), findings, n=3)]
    hints = tuple(f"envkit explain {similar}" for similar in (close or list(kinds))[:3])
    raise UsageError(f"no error has this code, and no finding this id: {code}", hints=hints)


def _steps(remedies: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Return the steps of some remedies by family of systems, those that they need before them.

    A remedy without steps for a family has those for any system.
    """
    needed = needed_remedies(remedies)
    families = dict.fromkeys(family for remedy in needed for family in remedy.steps)
    return {
        family: tuple(line for remedy in needed for line in remedy.steps.get(family, remedy.steps.get(_EVERYWHERE, ())))
        for family in families
    }


def _vendor_remedies(row: FindingRow) -> list[tuple[str, str]]:
    if row.vendor_remedy is None:
        return []
    known = {remedy.id for group in load_remedies() for remedy in group.remedies}
    named = [(vendor.name, f"{vendor.name}-{row.vendor_remedy}") for vendor in load_vendors()]
    return [(vendor, remedy) for vendor, remedy in named if remedy in known]


def _family(name: str) -> str:
    return f"{name} system" if name.rpartition(" ")[2] == _EVERYWHERE else name
