"""What was typed, before anything is checked; light, because every command line loads it."""

import msgspec


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The options that `up` and `resolve` share, as they were typed."""

    specs: tuple[str, ...] = ()
    name: str | None = None
    python: str | None = None
    on: str | None = None
    devices: str | None = None
    native: bool = False
    container: bool = False
    engine: str | None = None
    packages: tuple[str, ...] = ()
    wheelhouses: tuple[str, ...] = ()
    mounts: tuple[str, ...] = ()
    offline: bool = False
    allow: tuple[str, ...] = ()
    only_index: str | None = None
    base_image: str | None = None
    os: str | None = None
    flavor: str | None = None
    profile: str | None = None
    project: str | None = None  # directory of the project file
    locked: bool = False  # take what is locked, and fail where that is not what the file asks for
    frozen: bool = False  # take what is locked, whatever the file asks for
    facts: tuple[str, ...] = ()  # `resolve` alone: an environment is made for the machine as it is
    why_not: str | None = None
