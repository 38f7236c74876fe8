"""Mounts as people write them: `SOURCE:/TARGET[:ro]`."""

from collections.abc import Mapping
from pathlib import Path

from envkit.errors import UsageError
from envkit.model.plan import Mount
from envkit.model.text import check_text

_FORM = "a mount is `SOURCE:/TARGET` or `SOURCE:/TARGET:ro`"


def parse_mount(text: str, directory: Path) -> Mount:
    """Parse `SOURCE:TARGET[:ro]`, with a source relative to a directory; raises `UsageError`."""
    source, _, rest = text.partition(":")
    target, _, option = rest.partition(":")
    if not source or not target.startswith("/") or option not in ("", "ro"):
        raise UsageError(f"{_FORM}: {text}")
    return Mount(
        source=check_text(str((directory / Path(source).expanduser()).absolute()), "a mount's source"),
        target=check_text(target, "a mount's target"),
        read_only=option == "ro",
    )


def check_sources(mounts: tuple[Mount, ...]) -> None:
    """Raise `UsageError` when a directory that is to be mounted does not exist."""
    for mount in mounts:
        if not Path(mount.source).is_dir():
            raise UsageError(f"a mount's source must be a directory that exists: {mount.source}")


def mount_of_options(options: Mapping[str, str]) -> str | None:
    """Return a mount that is written as `type=bind,source=…,target=…`, None for a volume and the like."""
    source = options.get("source", options.get("src", ""))
    target = options.get("target", options.get("destination", options.get("dst", "")))
    plain = not any(character in source + target for character in ":$")
    if options.get("type") != "bind" or not source or not target.startswith("/") or not plain:
        return None
    read_only = options.get("readonly", options.get("ro", "false")) in {"true", "1", ""}
    return f"{source}:{target}{':ro' if read_only else ''}"
