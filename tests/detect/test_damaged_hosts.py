"""Laws: whatever a recording holds, detection ends with facts that round-trip, never with an exception."""

from pathlib import Path

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envkit.data.documents import load_document
from envkit.detect import detect_host
from envkit.detect.present import describe_host
from envkit.detect.redact import redact
from envkit.model.host import HostFacts
from envkit.model.value import to_json
from envkit.system.command import Command, Completed
from envkit.system.host import Read
from envkit.system.replay import FolderHost

OWN = Path(__file__).resolve().parents[1] / "hosts"
SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "hosts"
FOLDERS = sorted(path.parent for root in (OWN, SHARED) for path in root.glob("*/host.yaml"))
damage = st.one_of(
    st.tuples(st.just("cut"), st.floats(0, 1), st.just("")),
    st.tuples(st.just("insert"), st.floats(0, 1), st.text(max_size=8)),
    st.tuples(st.just("overwrite"), st.floats(0, 1), st.text(min_size=1, max_size=8)),
    st.tuples(st.just("drop"), st.floats(0, 1), st.sampled_from(["a", "0", " ", "\n", ":", ",", '"', "{", "|", "<"])),
)


class DamagedHost(FolderHost):
    """A recording whose every text is damaged in the same way."""

    def __init__(self, folder: Path, recordings: object, kind: str, place: float, text: str) -> None:
        super().__init__(folder, recordings)
        self.kind, self.place, self.text = kind, place, text

    def damaged(self, text: str) -> str:
        place = int(self.place * len(text))
        if self.kind == "cut":
            return text[:place]
        if self.kind == "insert":
            return text[:place] + self.text + text[place:]
        if self.kind == "overwrite":
            return text[:place] + self.text + text[place + len(self.text) :]
        return text[:place] + text[place:].replace(self.text, "")

    def read(self, path: str, *, limit: int = 65536) -> Read:
        read = super().read(path, limit=limit)
        return read if read.text is None else Read(self.damaged(read.text))

    def run(self, command: Command) -> Completed:
        completed = super().run(command)
        return msgspec.structs.replace(completed, stdout=self.damaged(completed.stdout))


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(folder=st.sampled_from(FOLDERS), how=damage)
def test_a_damaged_recording_never_raises(folder: Path, how: tuple[str, float, str]) -> None:
    document = load_document((folder / "host.yaml").read_text(), str(folder))
    assert isinstance(document, dict)
    facts = detect_host(DamagedHost(folder, document.get("recordings", []), *how), data_directory="/x")
    assert msgspec.json.decode(to_json(facts), type=HostFacts) == facts
    assert redact(redact(facts)) == redact(facts)
    assert describe_host(facts).endswith("\n")
