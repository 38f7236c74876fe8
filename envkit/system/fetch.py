"""Fetching the wheels of a lock into a directory, each checked against its hash.

Wheels that were fetched stay in envkit's own cache by their hash, and what a lost line or an ended command left of one
is gone on with. uv's cache has the contents of wheels, but not the files themselves, so it cannot serve here.
"""

import fcntl
import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import BinaryIO

import msgspec

from envkit.errors import DataError, EnvkitError, IndexUnreachableError
from envkit.model.address import display_url, restore_credentials
from envkit.model.availability import PUBLIC_INDEX
from envkit.model.lock import Lock, LockedFile, LockedPackage
from envkit.model.sources import PackageSources
from envkit.system.directories import cache_directory, ensure_directory, storage_error
from envkit.system.http import Client
from envkit.system.http_failures import failure_reason
from envkit.system.listing import parse_listing

_AT_ONCE = 4
_ATTEMPTS = 4
_PAUSE_SECONDS = 0.2
_READ_BYTES = 1 << 20


class Fetching(msgspec.Struct, frozen=True, kw_only=True):
    """How far it has come."""

    done: int  # bytes
    total: int | None  # bytes; None: the lock does not tell
    finished: bool = False


def fetch_wheels(
    lock: Lock,
    sources: PackageSources,
    directory: Path,
    progress: Callable[[Fetching], None] = lambda _: None,
    *,
    mirrored: Callable[[str], str] = str,
) -> tuple[Path, ...]:
    """Bring every wheel of a lock into a directory and return their paths, in the order of the lock.

    Each is taken from the first of these that has it, and refused when its hash is not the locked one:

    1. `directory` itself
    2. the local path that the lock names
    3. envkit's cache
    4. the address that the lock names, or what `mirrored` gives for it
    5. the configured indexes, by name, version and hash: a lock from elsewhere may name addresses out of reach here

    Raises `IndexUnreachableError` when no server can be reached, `DataError` when none has the wheel, `StorageError`.
    """
    ensure_directory(directory)
    fetcher = _Fetcher(sources, ensure_directory(cache_directory() / "wheels"), _Meter(lock, progress), mirrored)
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        futures = [pool.submit(fetcher.fetch, package, directory) for package in lock.packages]
        try:
            paths = tuple(future.result() for future in futures)
        except BaseException:
            fetcher.stop()
            pool.shutdown(cancel_futures=True)
            raise
    fetcher.meter.finish()
    return paths


class _Meter:
    """Adds up what all threads have."""

    def __init__(self, lock: Lock, progress: Callable[[Fetching], None]) -> None:
        sizes = [package.file.size for package in lock.packages]
        self._total = None if None in sizes else sum(size or 0 for size in sizes)
        self._progress = progress
        self._done = 0
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        with self._lock:
            self._done += count
            self._progress(Fetching(done=self._done, total=self._total))

    def finish(self) -> None:
        self._progress(Fetching(done=self._done, total=self._total, finished=True))


class _Fetcher:
    """Fetches wheels from several threads."""

    def __init__(self, sources: PackageSources, cache: Path, meter: _Meter, mirrored: Callable[[str], str]) -> None:
        self.meter = meter
        self._mirrored = mirrored
        self._sources = sources
        self._cache = cache
        # Attempts are counted here, where a new one goes on from what the last one brought.
        self._client = Client(sources)
        self._stopped = threading.Event()
        self._unreachable: dict[str, str] = {}  # server → why

    def stop(self) -> None:
        """Let what is under way end soon."""
        self._stopped.set()

    def fetch(self, package: LockedPackage, directory: Path) -> Path:
        """Bring one wheel in place."""
        file = package.file
        place = directory / file.filename
        if _is_whole(place, file):
            self.meter.add(place.stat().st_size)
            return place
        source = Path(file.path) if file.path is not None else None
        if source is None or not _is_whole(source, file):
            source = self._cache / file.sha256
            if not _is_whole(source, file):
                self._download(package, source)
                return _placed(source, place)
        self.meter.add(source.stat().st_size)
        return _placed(source, place)

    def _download(self, package: LockedPackage, target: Path) -> None:
        failures: list[EnvkitError] = []
        for url in self._addresses(package, failures):
            server = url.split("/")[2] if "://" in url else url
            if server in self._unreachable:
                continue
            try:
                self._download_from(url, package.file, target)
            except IndexUnreachableError as error:
                self._unreachable[server] = error.message
                failures.append(error)
            except DataError as error:
                failures.append(error)
            else:
                return
        facts = tuple(dict.fromkeys(line for failure in failures for line in (failure.message, *failure.facts)))
        facts = facts or tuple(self._unreachable.values())
        message = f"a locked wheel cannot be had: {package.file.filename}"
        if self._unreachable and all(isinstance(failure, IndexUnreachableError) for failure in failures):
            raise IndexUnreachableError(message, url=display_url(package.file.url or ""), facts=facts)
        raise DataError(message, facts=facts, hints=("envkit lock --upgrade",))

    def _addresses(self, package: LockedPackage, failures: list[EnvkitError]) -> Iterator[str]:
        """Return the address in the lock, then those that the configured indexes list for the same file."""
        if package.file.url is not None:
            yield restore_credentials(self._mirrored(package.file.url), self._sources)
        configured = (self._sources.index, *self._sources.extra_indexes, *self._sources.named_indexes.values())
        indexes = [setting.value for setting in configured if setting is not None]
        if self._sources.index is None and not self._sources.no_index:
            indexes.insert(0, PUBLIC_INDEX)
        for index in dict.fromkeys(indexes):
            if not index.startswith(("http://", "https://")):
                continue
            try:
                yield from self._listed(index, package)
            except (IndexUnreachableError, DataError) as error:
                failures.append(error)

    def _listed(self, index: str, package: LockedPackage) -> Iterator[str]:
        page = self._client.get(f"{index.rstrip('/')}/{package.name}/")
        if page.status != 200:  # noqa: PLR2004 - HTTP's "OK"
            return
        for file in parse_listing(package.name, page.kind, page.body, page.url).files:
            if file.sha256 == package.file.sha256 or (file.sha256 is None and file.name == package.file.filename):
                yield file.url

    def _download_from(self, url: str, file: LockedFile, target: Path) -> None:
        """Read a file to its end, going on after a lost line; raises `IndexUnreachableError` and `DataError`."""
        partial = target.with_name(f"{target.name}.part")
        with _storing(target), _held(partial) as output:
            if _is_whole(target, file):  # another envkit has fetched it meanwhile
                partial.unlink()
                return
            # What an ended command left may be the whole file already, of which no server has a further part.
            if _sha256(partial) != file.sha256:
                self._read_all(url, output)
            if _sha256(partial) != file.sha256:
                partial.unlink()
                raise DataError(f"the server has another file of this name than was locked: {display_url(url)}")
            partial.replace(target)

    def _read_all(self, url: str, output: BinaryIO) -> None:
        failures = 0
        while True:
            try:
                self._go_on(url, output)
            except OSError as error:
                failures += 1
                if failures >= _ATTEMPTS or self._stopped.is_set():
                    reason = failure_reason(error, url)
                    message = f"the server did not answer ({reason}): {display_url(url)}"
                    raise IndexUnreachableError(message, url=display_url(url)) from error
                sleep(_PAUSE_SECONDS * 2**failures)
            else:
                return

    def _go_on(self, url: str, output: BinaryIO) -> None:
        """Read on from where the file ends; raises `OSError` when the line fails."""
        had = output.seek(0, os.SEEK_END)
        with self._client.open_file(url, had) as (begins, pieces):
            output.seek(begins)
            output.truncate()
            self.meter.add(begins)
            try:
                for piece in pieces:
                    if self._stopped.is_set():
                        raise IndexUnreachableError(f"not fetched to its end: {display_url(url)}", url=display_url(url))
                    with _storing(Path(output.name)):
                        output.write(piece)
                        output.flush()
                    self.meter.add(len(piece))
            except OSError:
                self.meter.add(-output.tell())
                raise


@contextmanager
def _held(partial: Path) -> Iterator[BinaryIO]:
    """Open a file that no other envkit writes to meanwhile."""
    while True:
        with partial.open("a+b") as output:
            fcntl.flock(output, fcntl.LOCK_EX)
            # The one that held it may have moved it into place.
            if partial.exists() and partial.stat().st_ino == os.fstat(output.fileno()).st_ino:
                yield output
                return


@contextmanager
def _storing(path: Path) -> Iterator[None]:
    """Turn what the disk refuses into an error of its own, which is not taken for one of the line."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, path, "cannot write") from error


def _is_whole(path: Path, file: LockedFile) -> bool:
    try:
        if file.size is not None and path.stat().st_size != file.size:
            return False
        return path.is_file() and _sha256(path) == file.sha256
    except OSError:
        return False


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(_READ_BYTES):
                digest.update(piece)
    except OSError as error:
        raise storage_error(error, path, "cannot read") from error
    return digest.hexdigest()


def _placed(source: Path, place: Path) -> Path:
    """Bring a wheel into the directory without a copy where the file system can."""
    with _storing(place):
        place.unlink(missing_ok=True)
        try:
            os.link(source.resolve(), place)
        except OSError:  # another file system, or a file that this user may read but not link
            shutil.copyfile(source, place)
    return place
