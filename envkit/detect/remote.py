"""The machine of a Docker daemon that runs elsewhere: its devices are those that containers get."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from envkit.data import load_foundations
from envkit.detect.findings import make_finding
from envkit.detect.host import detect_host
from envkit.model.host import ContainerEngine, Evidence, Finding, Gap, HostFacts
from envkit.system.command import Command, Completed
from envkit.system.host import Host
from envkit.system.remote import RemoteHost, agent_arguments

_ROOT = "/host"  # where the container sees its machine
_BUS = "/sys/bus/pci/devices"
_FILE_BYTES = 65536  # what `Host.read` asks for
_STORE = "/var/lib/docker"
_ANSWER_SECONDS = 15.0  # the first answer waits for the container to start
_LIST_SECONDS = 10.0
_PULL_SECONDS = 60.0  # fifty megabytes
_END_SECONDS = 5.0
_END_AFTER_FAILURE_SECONDS = 1.0
_NO_IMAGE = ("No such image", "Unable to find image")
# What the container may do is what it takes to read what everybody may read.
_RIGHTS = (
    *("--network", "none"),
    *("--cap-drop", "ALL"),
    *("--security-opt", "no-new-privileges"),
    # SELinux would hide the machine's files from any container.
    *("--security-opt", "label=disable"),
    "--read-only",
    *("--user", "65534:65534"),
    *("--pids-limit", "32"),
    *("--volume", f"/:{_ROOT}:ro"),
)
_LABEL = "dev.envkit.probe=1"


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of a machine, or why nothing was; exactly one of the two is set."""

    facts: HostFacts | None = None
    failure: str | None = None


def look_at_daemon_hosts(host: Host, facts: HostFacts) -> HostFacts:
    """Add to each engine whose daemon runs elsewhere the facts of that machine, and a finding where it was not seen."""
    engines, findings = [], []
    for place, engine in enumerate(facts.engines or ()):
        if engine.elsewhere:
            look = _look_at(host, engine)
            gap = Gap(fact="devices", source=_title(engine), reason=look.failure or "")
            engines.append(msgspec.structs.replace(engine, host=look.facts or HostFacts(gaps=(gap,))))
            if look.failure is not None:
                findings.append(_unseen(facts, f"engines[{place}]", engine, look.failure))
        else:
            engines.append(engine)
    return msgspec.structs.replace(facts, engines=tuple(engines), findings=(*facts.findings, *findings))


def detect_there(there: RemoteHost) -> Look:
    """Detect the machine that an agent tells about."""
    if not _has_told_basics(there):
        return Look(failure=there.failure)
    facts = detect_host(there, data_directory=_STORE)
    # An agent that went away in the middle may have left devices out.
    if there.failure is not None:
        return Look(failure=there.failure)
    return Look(facts=msgspec.structs.replace(facts, engines=None, pythons=None))


def _has_told_basics(there: RemoteHost) -> bool:
    """Ask for what every detection reads, at once because the way there may be long; tell whether there is an agent."""
    there.fetch((("machine",), ("names", _BUS)))
    there.fetch(tuple(("read", f"{_BUS}/{address}/uevent", _FILE_BYTES) for address in there.names(_BUS) or ()))
    return there.failure is None


def _look_at(host: Host, engine: ContainerEngine) -> Look:
    client = engine.client
    if client is None or engine.version is None:
        return Look(failure=engine.reason or "the daemon does not answer")
    look = Look(failure="there is no base image")
    for image, unavailable in _images(host, client):
        if unavailable is not None:
            return Look(failure=unavailable)
        with _agent(host, client, image) as there:
            look = detect_there(there)
        if look.facts is not None:
            seen = Evidence(fact="devices", source=f"container of {image}, {_title(engine)}")
            return Look(facts=msgspec.structs.replace(look.facts, evidence=(*look.facts.evidence, seen)))
        if not any(words in (look.failure or "") for words in _NO_IMAGE):
            return look
    return look


def _images(host: Host, client: str) -> Iterator[tuple[str, str | None]]:
    """Yield the base images to try, each with why it cannot be had.

    In this order: 1. the preferred one, which every build takes first; 2. others that the daemon has; 3. the preferred
    one, pulled.
    """
    bases = base_images()
    yield bases[0], None
    listed = _docker(host, client, ("image", "ls", "--format", "{{.Repository}}:{{.Tag}}"), _LIST_SECONDS)
    here = set(listed.stdout.split())
    yield from ((image, None) for image in bases[1:] if image in here)
    pulled = _docker(host, client, ("pull", "--quiet", bases[0]), _PULL_SECONDS)
    said = pulled.failure or pulled.stderr.strip().partition("\n")[0]
    yield bases[0], None if pulled.ok else f"it has no base image, and cannot pull {bases[0]}: {said}"


def base_images() -> tuple[str, ...]:
    """Return the names of all base images with a Python, the most wanted first."""
    foundations = load_foundations()
    return tuple(
        base.image.replace("{python}", python)
        for python in foundations.python_preference
        for base in foundations.bases
        if python in base.pythons
    )


@contextmanager
def _agent(host: Host, client: str, image: str) -> Iterator[RemoteHost]:
    name = f"envkit-probe-{uuid.uuid4().hex[:12]}"
    started = ("run", "--name", name, "--rm", "--interactive", "--pull", "never", "--label", _LABEL, *_RIGHTS)
    program = ("--entrypoint", "python3", image, *agent_arguments(), "--root", _ROOT, "--own-kernel")
    there = RemoteHost(Command(argv=(client, *started, *program), timeout_seconds=_ANSWER_SECONDS))
    gone = False
    try:
        yield there
    finally:
        try:
            gone = there.close(grace_seconds=_END_AFTER_FAILURE_SECONDS if there.failure else _END_SECONDS)
        finally:
            if not gone:
                _docker(host, client, ("rm", "--force", name), _LIST_SECONDS)


def _docker(host: Host, client: str, arguments: tuple[str, ...], seconds: float) -> Completed:
    return host.run(Command(argv=(client, *arguments), timeout_seconds=seconds))


def _unseen(facts: HostFacts, fact: str, engine: ContainerEngine, reason: str) -> Finding:
    evidence = f"{_title(engine)}: {reason}"
    return make_finding("engine-remote-unseen", fact, evidence, system=facts.os, image=base_images()[0])


def _title(engine: ContainerEngine) -> str:
    return f"{engine.name} at {engine.endpoint}"
