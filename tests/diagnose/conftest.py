"""Recorded hosts, diagnosed."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from envkit.data.documents import load_document
from envkit.detect import detect_host
from envkit.diagnose import diagnose_host
from envkit.model.diagnosis import Diagnosis
from envkit.model.host import HostFacts
from envkit.system.replay import FolderHost


class Diagnosed(msgspec.Struct, frozen=True):
    """What a folder's `host.yaml` says, what was detected, and the diagnosis."""

    document: dict[str, object]
    facts: HostFacts
    diagnosis: Diagnosis


@pytest.fixture
def diagnosed() -> Callable[[Path], Diagnosed]:
    def diagnose(folder: Path) -> Diagnosed:
        path = folder / "host.yaml"
        document = load_document(path.read_text(), str(path))
        assert isinstance(document, dict)
        host = FolderHost(folder, document.get("recordings", []))
        facts = detect_host(host, data_directory="/var/lib/envkit")
        return Diagnosed(document, facts, diagnose_host(host, facts))

    return diagnose
