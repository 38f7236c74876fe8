"""The BuildKit inside a Docker Engine behind a socket of its own, as `buildkitd` would listen there."""

import os
import socket
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_UPGRADE = b"POST /grpc HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"


class BuildKitDoor:
    """Listens at `path` and joins each connection to the engine's BuildKit, until it is closed."""

    def __init__(self, path: Path) -> None:
        self.address = f"unix://{path}"
        self.opened = 0
        self._engine = urlsplit(os.environ["DOCKER_HOST"]).path
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(path))
        self._listening.listen()
        self._threads = [Thread(target=self._accept)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join(timeout=10)

    def _accept(self) -> None:
        while True:
            try:
                visitor, _ = self._listening.accept()
            except OSError:
                return
            self.opened += 1
            self._threads.append(Thread(target=self._join, args=(visitor,)))
            self._threads[-1].start()

    def _join(self, visitor: socket.socket) -> None:
        with visitor, socket.socket(socket.AF_UNIX) as engine:
            engine.connect(self._engine)
            engine.sendall(_UPGRADE)
            answer = b""
            while b"\r\n\r\n" not in answer:
                answer += engine.recv(1)
            assert answer.startswith(b"HTTP/1.1 101"), answer
            there = Thread(target=_copy, args=(visitor, engine))
            there.start()
            _copy(engine, visitor)
            there.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while piece := source.recv(65536):
            target.sendall(piece)
    except OSError:
        pass
    for side in (source, target):
        try:
            side.shutdown(socket.SHUT_RDWR)
        except OSError:
            continue
