"""A service of systemd that podman 4.4 and later makes of `NAME.container`, for one user, without root.

Reference: https://docs.podman.io/en/latest/markdown/podman-systemd.unit.5.html; options that only later versions have
keys for go into `PodmanArgs`.
"""

import re
from collections.abc import Iterator

from envkit.errors import DataError, UnsatisfiableError
from envkit.generate.naming import dns_label, memory_size, pushed_image
from envkit.generate.options import Options
from envkit.generate.quoting import variable_name
from envkit.model.artifact import GeneratedFile
from envkit.model.plan import Mount, Plan
from envkit.model.text import check_text

OPTIONS = ("image",)
_PROCESS_LIMIT = 8192
_USER = 1000  # the image's own
# systemd splits paths at blanks and reads quotes in them, podman splits them at colons.
_NO_PATH = re.compile(r"[:\"'\\\s]")


def generate_files(plan: Plan, options: Options) -> tuple[GeneratedFile, ...]:
    """Return the unit of an environment.

    Raises `UnsatisfiableError` for devices that podman cannot be told, `DataError` and `UnsafeTextError` for a value
    that the format cannot hold.
    """
    name = dns_label(plan.name)
    image = pushed_image(plan, options.image)
    lines = (
        *_heading(plan, options, name, image),
        *("[Unit]", f"Description=envkit environment {name}", "", "[Container]", f"ContainerName={name}"),
        f"Image={image if options.image is not None else f'localhost/{image}'}",
        *_container(plan),
        *("", "[Service]", "Restart=on-failure", "", "[Install]", "WantedBy=default.target"),
    )
    return (GeneratedFile(path=f"{name}.container", text="".join(f"{line}\n" for line in lines)),)


def _heading(plan: Plan, options: Options, name: str, image: str) -> Iterator[str]:
    yield "# Written by envkit from a plan, for podman 4.4 and later. Put it into ~/.config/containers/systemd, then:"
    if options.image is None:
        yield f"#   envkit build --tag localhost/{image}"
    if plan.devices.cdi:
        yield "#   sudo envkit cdi generate   (where this machine has no CDI specification of its devices)"
    yield f"#   systemctl --user daemon-reload && systemctl --user start {name}"


def _container(plan: Plan) -> Iterator[str]:
    user = plan.devices.user or _USER
    yield from (f"User={user}", f"Group={user}", "DropCapability=ALL", "NoNewPrivileges=true", "RunInit=true")
    # Files of the user who starts the service are those of the container's user.
    yield f"PodmanArgs=--userns=keep-id:uid={user},gid={user} --pids-limit={_PROCESS_LIMIT}"
    yield from _devices(plan)
    if plan.run.shared_memory is not None:
        yield f"PodmanArgs=--shm-size={memory_size(plan.run.shared_memory).text}"
    for name, value in plan.run.environment.items():
        yield f"Environment={_word(f'{variable_name(name)}={value}')}"
    yield from (f"Volume={_volume(mount)}" for mount in plan.mounts)
    yield from (f"PublishPort=127.0.0.1:{port}:{port}" for port in plan.run.ports)
    if plan.run.command:
        yield f"Exec={' '.join(map(_argument, plan.run.command))}"


def _devices(plan: Plan) -> Iterator[str]:
    """Yield the devices by their names in CDI, which podman takes; for a vendor without such names, by their nodes."""
    devices = plan.devices
    if devices.groups:
        # Without root a container cannot join groups, but keep those that its user is in.
        yield "PodmanArgs=--group-add=keep-groups"
    if devices.cdi:
        yield from (f"AddDevice={_unexpanded(name)}" for name in devices.cdi)
        return
    if devices.count and not devices.nodes:
        message = f"neither names in CDI nor nodes are known of the devices of this vendor: {plan.vendor}"
        raise UnsatisfiableError(message)
    yield from (f"AddDevice={_unexpanded(node)}" for node in devices.nodes)
    yield from (f"Volume={_volume(mount)}" for mount in devices.mounts)
    for name, value in devices.environment.items():
        yield f"Environment={_word(f'{variable_name(name)}={value}')}"


def _volume(mount: Mount) -> str:
    for path in (mount.source, mount.target):
        if _NO_PATH.search(path):
            message = f"a unit of systemd cannot mount a path with blanks, colons, quotes or backslashes: {path!r}"
            raise DataError(message)
    return _unexpanded(f"{mount.source}:{mount.target}{':ro' if mount.read_only else ''}")


def _argument(text: str) -> str:
    # The generator drops what follows an empty word, and writes `;` so that systemd starts a second command.
    if text in {"", ";"}:
        message = f"a unit of podman cannot hold this word of a command: {text!r}"
        raise DataError(message)
    return _word(text)


def _word(text: str) -> str:
    escaped = _unexpanded(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _unexpanded(text: str) -> str:
    """Return text in which systemd puts nothing in the place of `%h` and `$HOME`."""
    return check_text(text, "a value for a unit of systemd").replace("%", "%%").replace("$", "$$")
