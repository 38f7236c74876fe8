"""Recordings of machines: made here, and detected from as if their machine were this one."""

from typing import NamedTuple

import msgspec

from envkit import __version__
from envkit.detect.host import detect_host
from envkit.detect.redact import Names, names_of, redact
from envkit.model.host import HostFacts
from envkit.model.value import DECODING
from envkit.system.host import Host
from envkit.system.recording import RecordedHost, Recording, RecordingHost


class RecordedFacts(HostFacts, tag_field="format", tag="envkit-host/1", kw_only=True):
    """The facts of a machine and, behind them, what they were made of."""

    recording: Recording


class Recorded(NamedTuple):
    """A recording that can be shown to others, the facts that it gives, and names that had to stay in it."""

    recording: Recording
    facts: HostFacts
    left: tuple[str, ...] = ()

    def document(self) -> RecordedFacts:
        """Return what is written into a file."""
        told = {field: getattr(self.facts, field) for field in HostFacts.__struct_fields__}
        return RecordedFacts(**told, recording=self.recording)


class _Peek(msgspec.Struct):
    recording: msgspec.Raw = msgspec.Raw()


def record_host(host: Host, *, data_directory: str) -> Recorded:
    """Detect a machine, and return the recording of all that the probes were told.

    A name that is also a word of its facts, as the user `nvidia` of a board, cannot be replaced without changing them:
    it stays and is told. Raises as `detect_host` does.
    """
    asked = RecordingHost(host)
    facts = detect_host(asked, data_directory=data_directory)
    made = asked.recording(envkit=__version__, data_directory=data_directory)
    names = names_of(host)
    recording = redact(made, names)
    again = facts_of_recording(recording)
    if again == redact(facts, names):
        return Recorded(recording, again)
    fewer = Names(home=names.home)
    recording = redact(made, fewer)
    left = tuple(name for name in (names.user, names.host) if name is not None)
    return Recorded(recording, facts_of_recording(recording), left)


def facts_of_recording(recording: Recording) -> HostFacts:
    """Return the facts of a recorded machine, the same bytes each time; raises as `detect_host` does."""
    return redact(detect_host(RecordedHost(recording), data_directory=recording.data_directory))


def shown_facts(host: Host, facts: HostFacts) -> HostFacts:
    """Return the facts of this machine as a recording of it would give them."""
    return redact(facts, names_of(host))


def decode_recorded(content: bytes) -> RecordedFacts | None:
    """Decode a file with a recording; None for one that holds none, or is no JSON.

    Raises `msgspec.ValidationError` with the path in it where the recording is not as one must be.
    """
    with DECODING:
        try:
            held = msgspec.json.decode(content, type=_Peek).recording
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        return None if not bytes(held) else msgspec.json.decode(content, type=RecordedFacts)
