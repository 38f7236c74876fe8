"""A machine that somebody recorded: a folder laid out as under `/`, and the outputs of commands."""

import re
import shlex
from pathlib import Path

import msgspec

from envkit.errors import DataError
from envkit.system.command import Command, Completed
from envkit.system.host import Fetched, Machine, Owner, Read
from envkit.system.recording import NOT_RECORDED, normal_argv

# Options that change the form of what a tool prints, not what it is about.
_FORMS = frozenset({"-x", "-j", "--json", "--csv", "--xml-format"})
_ROOT = Path("/")
_OCTAL = re.compile(r"[0-7]{1,4}")
_LARGEST_ANSWER = 16 * 1024 * 1024


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """One recorded fact: of a `command`, a `path`, a `variable` or a `request`."""

    file: str | None = None  # where in the folder the output or text is kept
    command: str | None = None
    exit_code: int | None = None
    failure: str | None = None  # the command could not be started or did not end: `timed out after 10 s`
    path: str | None = None
    exists: bool | None = None
    accessible: bool | None = None  # whether the user could read and write it
    group: int | None = None  # number of the group that owns it
    mode: str | None = None  # its permission bits in octal digits, as `stat -c %a` prints them: "660"
    variable: str | None = None
    value: str | None = None
    request: str | None = None  # what a local server was asked for: `/info` of an engine
    free_mib: int | None = None  # what could still be written at `path` and below


class FolderHost:
    """A recorded machine. What is not recorded is unknown: a failure or None, never absent."""

    def __init__(self, root: Path, recordings: object = ()) -> None:
        """Take the folder and the decoded `recordings` of its `host.yaml`; raises `DataError` when they do not fit."""
        self._root = root.resolve()
        try:
            self._recordings = msgspec.convert(recordings, tuple[Recording, ...])
        except msgspec.ValidationError as error:
            message = f"`recordings` of a recorded host does not decode: {error}"
            raise DataError(message, facts=(str(root),)) from error

    def read(self, path: str, *, limit: int = 65536) -> Read:
        """Return up to `limit` bytes of a recorded file."""
        state = self._state(path)
        if state is not None and state.exists is False:
            return Read(failure="no such file")
        place = self._place(path if state is None or state.file is None else state.file)
        if place is None or not place.is_file():
            return Read(failure="not recorded")
        try:
            with place.open("rb") as file:
                return Read(file.read(limit).decode(errors="replace"))
        except OSError as error:
            return Read(failure=(error.strerror or str(error)).lower())

    def names(self, path: str) -> tuple[str, ...] | None:
        """Return the sorted entries of a recorded directory."""
        place = self._place(path)
        if place is None or not place.is_dir():
            return None
        return tuple(sorted(entry.name for entry in place.iterdir()))

    def link(self, path: str) -> str | None:
        """Return what a recorded symbolic link points to, as written."""
        place = self._root / path.lstrip("/")
        inside = self._place(str(Path(path).parent))
        return str(place.readlink()) if inside is not None and place.is_symlink() else None

    def exists(self, path: str) -> bool | None:
        """Tell whether a path exists, where the recording says so."""
        state = self._state(path)
        if state is not None and state.exists is not None:
            return state.exists
        place = self._place(path)
        return True if state is not None or (place is not None and place.exists()) else None

    def real_path(self, path: str) -> str | None:
        """Return a recorded path with every symbolic link in it followed."""
        place = self._place(path)
        if place is None or not place.exists():
            return None
        return str(_ROOT / place.relative_to(self._root))

    def accessible(self, path: str) -> bool | None:
        """Tell whether the user could read and write a path, where the recording says so."""
        state = self._state(path)
        return None if state is None else state.accessible

    def owner(self, path: str) -> Owner | None:
        """Return the group and mode of a path, where the recording says so."""
        state = self._state(path)
        if state is None or (state.group is None and state.mode is None):
            return None
        return Owner(gid=state.group, mode=_octal(state.mode))

    def variable(self, name: str) -> str | None:
        """Return a recorded environment variable."""
        return next((recording.value for recording in self._recordings if recording.variable == name), None)

    def which(self, name: str) -> str | None:
        """Return the name of a command that was recorded."""
        programs = {words[0] for words in (_words(recording.command) for recording in self._recordings) if words}
        return next((program for program in sorted(programs) if Path(program).name == name), None)

    def run(self, command: Command) -> Completed:
        """Return the recorded output of a command.

        A recording of the same program answers too when it was asked for more than this in the same form.
        """
        asked = normal_argv(command.argv)
        known = [
            (tuple(_words(recording.command)), recording)
            for recording in self._recordings
            if recording.command is not None
        ]
        for words, recording in known:
            if words == asked:
                return self._completed(recording)
        for words, recording in known:
            if _covers(words, asked):
                return self._completed(recording)
        return Completed(failure="not recorded")

    def machine(self) -> Machine:
        """Return nothing: a recording holds files and commands, and those are asked instead."""
        return Machine()

    def free_bytes(self, path: str) -> int | None:
        """Return the recorded free space of a path, or of the nearest directory above that has one."""
        for place in (path, *map(str, Path(path).parents)):
            state = self._state(place)
            if state is not None and state.free_mib is not None:
                return state.free_mib * 1024 * 1024
        return None

    def http_get(self, endpoint: str, path: str, timeout_seconds: float) -> Fetched:  # noqa: ARG002 - the protocol's
        """Return the recorded answer to a request, whatever the endpoint."""
        recording = next((recording for recording in self._recordings if recording.request == path), None)
        if recording is None:
            return Fetched(failure=NOT_RECORDED)
        if recording.failure is not None:
            return Fetched(failure=recording.failure)
        return Fetched(status=200, body=self.read(recording.file or "", limit=_LARGEST_ANSWER).text or "")

    def _place(self, path: str) -> Path | None:
        """Return where a path lies in the folder, or None when it leads out of it, as a link may."""
        try:
            place = (self._root / path.lstrip("/")).resolve()
            place.exists()  # a name that is too long is found when it is looked for
        except (OSError, RuntimeError, ValueError):  # a link in a loop, a NUL or an endless name in a damaged recording
            return None
        return place if place.is_relative_to(self._root) else None

    def _state(self, path: str) -> Recording | None:
        return next((recording for recording in self._recordings if recording.path == path), None)

    def _completed(self, recording: Recording) -> Completed:
        text = "" if recording.file is None else self.read(recording.file, limit=16 * 1024 * 1024).text or ""
        return Completed(status=recording.exit_code, stdout=text, failure=recording.failure)


def _octal(digits: str | None) -> int | None:
    return int(digits, 8) if digits is not None and _OCTAL.fullmatch(digits) else None


def _words(command: str | None) -> list[str]:
    try:
        return shlex.split(command or "")
    except ValueError:  # an unclosed quote: nothing will ask for that
        return []


def _covers(recorded: tuple[str, ...], asked: tuple[str, ...]) -> bool:
    if not recorded or len(asked) == 1 or Path(recorded[0]).name != Path(asked[0]).name:
        return False
    if _FORMS.intersection(recorded) != _FORMS.intersection(asked):
        return False
    # `--showmeminfo all` holds what `--showmeminfo vram` asks for.
    return all(_holds(recorded, word) or (not word.startswith("-") and "all" in recorded) for word in asked[1:])


def _holds(recorded: tuple[str, ...], word: str) -> bool:
    """Tell whether an argument was recorded, or is a list of columns of which more were: a header tells which."""
    if word in recorded or "," not in word or any("noheader" in other for other in recorded):
        return word in recorded
    return any(set(word.split(",")) <= set(other.split(",")) for other in recorded)
