"""Host facts as the commands get them: from this machine, a file of facts, a recording, a folder, standard input."""

import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from envkit.errors import DataError
from envkit.model.host import HostFacts
from envkit.system.directories import data_directory
from envkit.system.host import Host

if TYPE_CHECKING:
    from envkit.detect.recorded import RecordedFacts

_LARGEST_FILE = 1024 * 1024
_LARGEST_RECORDING = 64 * 1024 * 1024
_FOLDER_TITLE = "host.yaml"


def live_facts(*, fresh: bool = False) -> HostFacts:
    """Detect this machine; `fresh`: without the kept answers of the vendors' tools and libraries."""
    # Imported here: where a target or a recorded machine is named, nothing is detected.
    from envkit.detect import detect_host
    from envkit.detect.probe_state import kept_host
    from envkit.system.live import LiveHost

    host: Host = LiveHost() if fresh else kept_host()
    facts = detect_host(host, data_directory=str(data_directory()))
    if not any(engine.elsewhere for engine in facts.engines or ()):
        return facts
    # Imported here: most daemons run on this machine.
    from envkit.detect.remote import look_at_daemon_hosts

    return look_at_daemon_hosts(host, facts)


def read_host(path: str) -> HostFacts:
    """Return the facts of an `envkit-host/1` file, JSON or YAML, or of a folder of recordings; raises `DataError`.

    `-` is standard input. What a file holds of a recording beside its facts is not looked at: see `replay_host`.
    """
    if path != "-" and _is_folder(path):
        return _folder_facts(Path(path))
    content = _content(path)
    recorded = _recorded(content, path)
    if recorded is not None:
        return HostFacts(**{field: getattr(recorded, field) for field in HostFacts.__struct_fields__})
    from envkit.data import decode_document  # not needed where this machine is looked at

    return decode_document(_decoded(content, path), _title(path), HostFacts)


def replay_host(path: str) -> HostFacts:
    """Detect the machine of a recording or of a folder of recordings; raises `DataError` for anything else."""
    if path != "-" and _is_folder(path):
        return _folder_facts(Path(path))
    recorded = _recorded(_content(path), path)
    if recorded is None:
        raise DataError(
            f"neither a recording of `envkit detect --record` nor a folder with a `{_FOLDER_TITLE}`: {_title(path)}",
            hints=(f"envkit detect --host {path}",),
        )
    from envkit.detect.recorded import facts_of_recording  # this machine does not need it

    return facts_of_recording(recorded.recording)


def read_text(path: str) -> str:
    """Return the text of a file that the user named; raises `DataError` when it cannot be read."""
    return _decoded(_content(path), path)


def _content(path: str) -> bytes:
    try:
        if path == "-":
            return sys.stdin.buffer.read(_LARGEST_RECORDING + 1)
        with Path(path).open("rb") as file:
            return file.read(_LARGEST_RECORDING + 1)
    except OSError as error:
        message = f"cannot read the file ({(error.strerror or str(error)).lower()}): {path}"
        raise DataError(message) from error
    except ValueError as error:  # a NUL in the path
        message = f"cannot read the file ({error}): {path!r}"
        raise DataError(message) from error


def _decoded(content: bytes, path: str) -> str:
    if len(content) > _LARGEST_FILE:
        message = f"the file is larger than 1 MiB: {_title(path)}"
        raise DataError(message)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"the file is not UTF-8 (byte {error.start}): {_title(path)}"
        raise DataError(message) from error


def _recorded(content: bytes, path: str) -> "RecordedFacts | None":
    """Return what a file with a recording holds, None for another file."""
    # Imported here: this machine does not need it.
    from envkit.detect.recorded import decode_recorded

    if len(content) > _LARGEST_RECORDING:
        message = f"the file is larger than 64 MiB: {_title(path)}"
        raise DataError(message)
    try:
        return decode_recorded(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f"the recording does not decode, {error}: {_title(path)}"
        raise DataError(message) from error


def _folder_facts(folder: Path) -> HostFacts:
    # Imported here: this machine needs neither of the last two.
    from envkit.data import load_document
    from envkit.detect import detect_host
    from envkit.system.replay import FolderHost

    title = folder / _FOLDER_TITLE
    if not _is_file(title):
        raise DataError(
            f"the folder has no `{_FOLDER_TITLE}`, which a recorded host has: {folder}",
            hints=("envkit detect --record host.json",),
        )
    document = load_document(read_text(str(title)), str(title))
    if not isinstance(document, dict):
        message = f"a mapping is expected, with the rows of `recordings`: {title}"
        raise DataError(message)
    return detect_host(FolderHost(folder, document.get("recordings") or ()), data_directory=str(data_directory()))


def _is_folder(path: str) -> bool:
    try:
        return stat.S_ISDIR(Path(path).stat().st_mode)
    except (OSError, ValueError):  # reading it says what is wrong
        return False


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


def _title(path: str) -> str:
    return "standard input" if path == "-" else path
