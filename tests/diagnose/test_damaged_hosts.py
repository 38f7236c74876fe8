"""Whatever a machine answers, the doctor answers too: any damage to what it reads gives checks, never an exception."""

from functools import cache
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envkit.data.documents import load_document
from envkit.detect import detect_host
from envkit.diagnose import diagnose_host
from envkit.diagnose.present import describe_diagnosis
from envkit.model.host import HostFacts
from envkit.system.host import Fetched, Read
from envkit.system.replay import FolderHost

HOSTS = Path(__file__).resolve().parents[1] / "hosts"
FOLDERS = sorted(path.parent for path in HOSTS.glob("doctor-*/host.yaml"))
SPLICES = [
    "",
    "\0",
    "{",
    "}",
    "[",
    "\n",
    ":",
    "9" * 400,
    "-1",
    "\N{LATIN SMALL LETTER E WITH ACUTE}",
    "btime ",
    " size=%,",
]


class DamagedHost(FolderHost):
    """A recording in which, in every text longer than `place`, some characters are replaced."""

    def __init__(self, folder: Path, recordings: object, place: int, removed: int, splice: str) -> None:
        super().__init__(folder, recordings)
        self._damage = (place, removed, splice)

    def read(self, path: str, *, limit: int = 65536) -> Read:
        read = super().read(path, limit=limit)
        return read if read.text is None else Read(self._damaged(read.text))

    def http_get(self, endpoint: str, path: str, timeout_seconds: float) -> Fetched:
        fetched = super().http_get(endpoint, path, timeout_seconds)
        return fetched if fetched.failure else Fetched(status=200, body=self._damaged(fetched.body))

    def _damaged(self, text: str) -> str:
        place, removed, splice = self._damage
        return text[:place] + splice + text[place + removed :] if place <= len(text) else text


@cache
def recorded(folder: Path) -> tuple[object, HostFacts]:
    path = folder / "host.yaml"
    document = load_document(path.read_text(), str(path))
    assert isinstance(document, dict)
    recordings = document["recordings"]
    return recordings, detect_host(FolderHost(folder, recordings), data_directory="/var/lib/envkit")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    folder=st.sampled_from(FOLDERS),
    place=st.integers(0, 700),
    removed=st.sampled_from([0, 1, 5, 40, 5000]),
    splice=st.sampled_from(SPLICES),
)
def test_damage_gives_checks_and_never_an_exception(folder: Path, place: int, removed: int, splice: str) -> None:
    recordings, facts = recorded(folder)
    diagnosis = diagnose_host(DamagedHost(folder, recordings, place, removed, splice), facts)
    assert diagnosis.checks
    assert describe_diagnosis(diagnosis, facts)
