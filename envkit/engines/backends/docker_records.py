"""What the engine has and what it is asked to start, as values."""

import msgspec


class ImageRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An image that the engine has."""

    id: str
    tags: tuple[str, ...]
    labels: dict[str, str]


class ContainerRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A container, running or not."""

    id: str
    name: str
    status: str  # created | running | paused | restarting | removing | exited | dead
    created: str  # ISO time, UTC
    image: str  # id
    labels: dict[str, str]


class ContainerWish(msgspec.Struct, frozen=True, kw_only=True):
    """A container to be started; what it does not name it does not get."""

    name: str
    image: str
    user: str  # uid:gid
    network: str
    labels: dict[str, str]
    environment: dict[str, str] = {}
    cdi: tuple[str, ...] = ()
    gpu_indices: tuple[int, ...] = ()
    nodes: tuple[str, ...] = ()
    groups: tuple[int, ...] = ()
    mounts: tuple[tuple[str, str, bool], ...] = ()  # source, target, read-only
