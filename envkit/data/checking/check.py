"""The entry: files in, a report out."""

from collections.abc import Callable, Iterable, Iterator

from envkit.data.checking.recipes import recipe_problems
from envkit.data.checking.relations import relation_problems
from envkit.data.checking.report import CheckReport, DataFault, Problem
from envkit.data.checking.rows import row_problems
from envkit.data.checking.subject import Subject, read_subject
from envkit.data.checking.vendors import vendor_problems
from envkit.data.compiled import Document
from envkit.data.loader import load_matrix
from envkit.data.places import DataFile, find_files
from envkit.errors import DataError
from envkit.model.recipe import Recipe
from envkit.model.vendor import Vendor

Rule = Callable[[Subject], Iterable[DataFault]]
"""A rule that needs more than the data: what is wrong with a file in which nothing else is."""


def check_files(files: tuple[DataFile, ...], *, today: str | None = None, rules: tuple[Rule, ...] = ()) -> CheckReport:
    """Check data files, and what they say of each other, together with the other files in use.

    `today`, an ISO date, is the day after which no source can have been read; None: any day will do. `rules` see only
    files whose rows are sound. Raises `DataError` for a directory that cannot be looked at.
    """
    subjects = [read_subject(file) for file in files]
    others = _others({(file.kind, file.name) for file in files})
    everything = [*subjects, *others]
    vendors = tuple(subject.document for subject in everything if isinstance(subject.document, Vendor))
    faults = [fault for subject in subjects for fault in (*subject.faults, *_document_faults(subject, vendors, today))]
    ours = {id(subject) for subject in subjects}
    faults += [
        subject.fault(problem) for subject, problem in relation_problems(_recipes(everything)) if id(subject) in ours
    ]
    unsound = {fault.file for fault in faults if fault.rule != "canonical"}
    for subject in subjects:
        if not unsound.intersection(text.path for text in subject.texts):
            faults += [fault for rule in rules for fault in rule(subject)]
    unique = dict.fromkeys(faults)
    return CheckReport(
        files=tuple(path for file in files for path in (file.path, file.overlay) if path is not None),
        faults=tuple(sorted(unique, key=lambda fault: (fault.file, fault.line, fault.column, fault.rule))),
    )


def _others(named: set[tuple[str, str]]) -> list[Subject]:
    """Return the recipes and vendors in use that are not checked, as far as they can be read."""
    files = {(file.kind, file.name): file for file in find_files() if file.kind in _RELATED}
    wanted = {key: file for key, file in files.items() if key not in named}
    if not wanted:
        return []
    try:
        matrix = load_matrix()
    except DataError:  # one of them is broken: the others still count
        return [read_subject(file) for file in wanted.values()]
    known: dict[tuple[str, str], Document] = {("recipes", recipe.name): recipe for recipe in matrix.recipes}
    known |= {("vendors", vendor.name): vendor for vendor in matrix.vendors}
    return [Subject(file, (), known[key]) for key, file in wanted.items()]


_RELATED = ("recipes", "vendors")


def _recipes(subjects: list[Subject]) -> dict[str, tuple[Subject, Recipe]]:
    return {
        subject.document.name: (subject, subject.document)
        for subject in subjects
        if isinstance(subject.document, Recipe)
    }


def _document_faults(subject: Subject, vendors: tuple[Vendor, ...], today: str | None) -> Iterator[DataFault]:
    if subject.document is None or not subject.texts:
        return
    for problem in _problems(subject.document, subject.file.name, vendors, today):
        yield subject.fault(problem)


def _problems(document: Document, name: str, vendors: tuple[Vendor, ...], today: str | None) -> Iterator[Problem]:
    yield from row_problems(document, today=today)
    given = getattr(document, "name", name)
    if given != name:
        yield Problem(("name",), "name", f"the file is called `{name}.yaml`, found {given!r} in")
    match document:
        case Recipe():
            yield from recipe_problems(document, vendors)
        case Vendor():
            yield from vendor_problems(document)
        case _:
            return
