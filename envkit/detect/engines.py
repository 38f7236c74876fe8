"""Container engines."""

from envkit.detect.docker import detect_docker
from envkit.detect.podman import detect_podman
from envkit.model.host import ContainerEngine
from envkit.system.host import Host


def detect_engines(host: Host) -> tuple[ContainerEngine, ...] | None:
    """Return the engines that are there, usable or not; None when a recording does not tell."""
    found = tuple(engine for engine in (detect_docker(host), detect_podman(host)) if engine is not None)
    # On a machine that answers, the search path exists; a recording without it says nothing about engines.
    return found if found or host.variable("PATH") is not None else None
