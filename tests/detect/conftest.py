"""Recorded hosts: envkit's own below `tests/hosts`, the public ones in `shared/hosts` beside the checkout."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from envkit.data.documents import load_document
from envkit.detect import detect_host
from envkit.model.host import HostFacts
from envkit.system.replay import FolderHost

Document = dict[str, object]


class RecordedHost(msgspec.Struct, frozen=True):
    """One folder with its `host.yaml`."""

    folder: Path
    document: Document

    def replay(self) -> FolderHost:
        return FolderHost(self.folder, self.document.get("recordings", []))

    def facts(self) -> HostFacts:
        return detect_host(self.replay(), data_directory="/var/lib/envkit")


@pytest.fixture
def recorded() -> Callable[[Path], RecordedHost]:
    def read(folder: Path) -> RecordedHost:
        path = folder / "host.yaml"
        document = load_document(path.read_text(), str(path))
        assert isinstance(document, dict)
        return RecordedHost(folder, document)

    return read
