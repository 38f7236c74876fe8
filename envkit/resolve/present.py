"""A resolution as text for people: what, why, what not and why not, and what would help."""

from collections.abc import Iterator

from envkit.model.resolution import Addition, Check, Chosen, Rejected, Resolution, Status, Verdict

_MARKS = {Verdict.PASS: "✓", Verdict.FAIL: "✗", Verdict.UNKNOWN: "?"}
# These decide what fits a machine; the other rules are shown where they did not pass or refused something else.
_DECIDING = frozenset(
    {"device-architecture", "driver-floor", "driver-exact", "runtime-driver", "libc", "package-cap", "python"}
)
_SHOWN_CANDIDATES = 8


def describe_resolution(resolution: Resolution, *, verbose: bool = False) -> str:
    """Describe a resolution in plain text, without colour; `verbose` adds every check with its sources."""
    specs = " ".join(str(spec) for spec in resolution.request.specs)
    lines = [f"{specs}: {resolution.status}"]
    if resolution.chosen is not None:
        lines += _chosen_lines(resolution.chosen)
    lines += _section("why", _check_lines(resolution, verbose=verbose))
    if resolution.chosen is not None:
        lines += _section("notes", iter(resolution.chosen.notes))
    lines += _section("why not", _doubt_lines(resolution, verbose=verbose))
    shown = resolution.rejected if verbose else resolution.rejected[:_SHOWN_CANDIDATES]
    lines += _section("rejected", _rejected_lines(shown, len(resolution.rejected) - len(shown)))
    lines += _section(_blame_title(resolution), _blame_lines(resolution))
    lines += _section("what would help, cheapest first", _remedy_lines(resolution))
    lines += ["", f"matrix {resolution.matrix.revision}, newest source {resolution.matrix.newest_source}"]
    if resolution.matrix.stale is not None:
        lines.append(f"warning: {resolution.matrix.stale}")
    return "\n".join(lines) + "\n"


def _section(title: str, lines: Iterator[str]) -> list[str]:
    body = [f"  {line}" for line in lines]
    return ["", f"{title}:", *body] if body else []


def _chosen_lines(chosen: Chosen) -> Iterator[str]:
    runtime = f" ({chosen.runtime.name} {chosen.runtime.version})" if chosen.runtime is not None else ""
    rows = [
        ("packages", ", ".join(f"{package} {version}" for package, version in chosen.packages.items())),
        ("variant", f"{chosen.variant}{runtime} for {chosen.vendor}"),
        ("python", f"{chosen.python} at {chosen.interpreter}" if chosen.interpreter else chosen.python),
        ("also", ", ".join(chosen.requirements)),
        ("held", ", ".join(chosen.constraints)),
        ("needs", ", ".join(_addition_text(addition) for addition in chosen.additions)),
        ("source", chosen.source_text),
        ("base", chosen.base.image if chosen.base is not None else f"none, {chosen.mode} environment"),
        ("devices", ", ".join(map(str, chosen.devices))),
        ("driver", f"{chosen.driver_range} keeps this valid" if chosen.driver_range else ""),
    ]
    return (f"  {name:<10}{text}" for name, text in rows if text)


def _addition_text(addition: Addition) -> str:
    return f"{addition.package}, {'which is here' if addition.provided else 'which envkit does not install'}"


def _check_lines(resolution: Resolution, *, verbose: bool) -> Iterator[str]:
    refusing = {entry.rule for entry in resolution.rejected}
    for check in resolution.checks:
        if verbose or _matters(check, refusing):
            yield f"{_MARKS[check.verdict]} {check.rule}: {check.reason}"
            if verbose:
                yield from (f"    source: {source}" for source in check.sources)


def _matters(check: Check, refusing: set[str]) -> bool:
    return check.verdict is not Verdict.PASS or check.rule in _DECIDING or check.rule in refusing


def _doubt_lines(resolution: Resolution, *, verbose: bool) -> Iterator[str]:
    answer = resolution.why_not
    if answer is None:
        return
    yield answer.text
    shown = answer.objections if verbose else answer.objections[:_SHOWN_CANDIDATES]
    for entry in shown:
        more = f" and {entry.count - 1} more" if entry.count > 1 else ""
        rule = f" by {entry.rule}" if entry.rule is not None else ""
        yield f"  {entry.candidate}{more}, {entry.outcome}{rule}: {entry.reason}"
        if verbose:
            yield from (f"      source: {source}" for source in entry.sources)
    if len(shown) < len(answer.objections):
        yield f"  {len(answer.objections) - len(shown)} further reasons; `-v` shows them"


def _rejected_lines(rejected: tuple[Rejected, ...], hidden: int) -> Iterator[str]:
    by_rule: dict[str, list[Rejected]] = {}
    for entry in rejected:
        by_rule.setdefault(entry.rule, []).append(entry)
    for rule, entries in by_rule.items():
        yield f"{rule}:"
        for entry in entries:
            more = f" and {entry.count - 1} more" if entry.count > 1 else ""
            yield f"  {entry.candidate}{more}: {entry.reason}"
    if hidden:
        yield f"{hidden} further reasons; `-v` shows them"


def _blame_title(resolution: Resolution) -> str:
    return "what stands in the way" if resolution.status is not Status.UNSATISFIABLE else "to blame"


def _blame_lines(resolution: Resolution) -> Iterator[str]:
    for blame in resolution.blame:
        yield f"{blame.fact}: needs {blame.needed}, seen {blame.seen} (read from {blame.source})"


def _remedy_lines(resolution: Resolution) -> Iterator[str]:
    for remedy in resolution.remedies:
        yield f"{remedy.text}"
        yield f"  {remedy.command}"
