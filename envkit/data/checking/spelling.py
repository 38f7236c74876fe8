"""The canonical spelling of files whose types are right."""

from collections.abc import Iterator

from envkit.data.checking.subject import canonical_text, read_subject
from envkit.data.places import DataFile


def spell_canonically(files: tuple[DataFile, ...]) -> Iterator[tuple[str, str]]:
    """Return path and new text of each file that is spelled otherwise, and whose types are right."""
    for file in files:
        subject = read_subject(file)
        for text in subject.texts:
            if {fault.rule for fault in subject.faults if fault.file == text.path} == {"canonical"}:
                yield text.path, canonical_text(subject, text)
