"""Container engines: installed, running, within reach, and of a kind that reaches devices."""

from envkit.diagnose.examination import Answer, Examination, unknown
from envkit.model.host import ContainerEngine, Finding, Severity

_SNAP = ("/snap/", "/var/snap/", "/var/lib/snapd/")
_GROUP_FIELDS = 4


def check_engines(examination: Examination) -> Answer:
    """Look at what detection says of each engine."""
    engines = examination.facts.engines
    if engines is None:
        return unknown("not known whether there is one", "facts.engines")
    if not engines:
        return Answer("none", "the search path", examination.finding("engine-missing", "engines", _nothing()))
    findings = tuple(
        finding
        for place, engine in enumerate(engines)
        if engine.usable is False
        for finding in _broken(examination, f"engines[{place}]", engine)
    )
    return Answer(", ".join(map(_title, engines)), "facts.engines", findings)


def check_docker_desktop(examination: Examination) -> Answer:
    """Look whether the daemon lives in a virtual machine without devices."""
    daemon = examination.answer
    if daemon is None or daemon.system is None:
        return unknown("no Docker daemon on this machine was asked", "/info of Docker's daemon")
    reaches = not daemon.desktop or not examination.on_linux or _on_windows(examination)
    if reaches or not examination.accelerators:
        return Answer(f"runs on {daemon.system}", "/info of Docker's daemon")
    evidence = f"/info of the daemon says that its system is {daemon.system}"
    found = examination.finding("engine-desktop", "engines", evidence)
    return Answer(f"runs on {daemon.system}", "/info of Docker's daemon", found)


def check_docker_snap(examination: Examination) -> Answer:
    """Look whether Docker is confined as a snap."""
    found = examination.engine("docker")
    if found is None:
        return unknown("no Docker is known", "facts.engines")
    fact, engine = found
    root = "" if examination.daemon is None else examination.daemon.root or ""
    place = next((path for path in (engine.client or "", root) if path.startswith(_SNAP)), None)
    if place is None:
        return Answer("not a snap")
    severity = Severity.WARNING if examination.accelerators else None
    findings = examination.finding("engine-snap", fact, f"Docker uses {place}", severity=severity)
    return Answer("a snap", place, findings)


def check_rootless(examination: Examination) -> Answer:
    """Look whether limits have an effect in a rootless engine."""
    docker, daemon = examination.docker, examination.daemon
    if docker is None or daemon is None or docker.rootless is None:
        return unknown("no Docker daemon on this machine was asked", "/info of Docker's daemon")
    if not docker.rootless:
        return Answer("runs with root's rights", "/info of Docker's daemon")
    seen = f"rootless, control groups of version {daemon.cgroup_version or 'unknown'}"
    if daemon.cgroup_version != "1":
        return Answer(seen, "/info of Docker's daemon")
    evidence = "/info of the daemon says `rootless` and `CgroupVersion` 1"
    return Answer(seen, "/info of Docker's daemon", examination.finding("engine-rootless-cgroup1", "engines", evidence))


def _nothing() -> str:
    return "neither docker nor podman is on the search path"


def _on_windows(examination: Examination) -> bool:
    return examination.system is not None and bool(examination.system.wsl)


def _title(engine: ContainerEngine) -> str:
    name = f"{engine.name} {engine.version or ''}".strip()
    return f"{name} (not usable)" if engine.usable is False else name


def _broken(examination: Examination, fact: str, engine: ContainerEngine) -> tuple[Finding, ...]:
    """Return what keeps an engine from being used: of no weight where another engine works."""
    name = f"engine-{engine.obstacle or 'unusable'}"
    others = any(other.usable for other in examination.facts.engines or ())
    evidence = engine.reason or f"{engine.name} cannot be used"
    socket = (engine.endpoint or "").removeprefix("unix://")
    remedies = None
    if engine.obstacle == "no-permission":
        waiting = _waits_for_login(examination)
        evidence = f"{evidence}; {waiting}" if waiting else evidence
        remedies = ("engine-new-login",) if waiting else None
    severity = Severity.NOTE if others else None
    return examination.finding(
        name, fact, evidence, severity=severity, remedies=remedies, socket=socket, engine=engine.name
    )


def _waits_for_login(examination: Examination) -> str | None:
    """Return that this user has joined the group, and this process is older than that; None where it is not so.

    Lines of /etc/group are `docker:x:999:ada,grace`, and of /proc/self/status `Groups: 4 27 1000`.
    """
    user = examination.host.variable("USER")
    number = next((row[2] for row in _groups(examination) if row[0] == "docker" and user in row[3].split(",")), None)
    status = (examination.host.read("/proc/self/status").text or "").splitlines()
    held = next((line.split()[1:] for line in status if line.startswith("Groups:")), None)
    if number is None or held is None or number in held:
        return None
    return f"/etc/group has `{user}` in group docker, /proc/self/status has not"


def _groups(examination: Examination) -> list[list[str]]:
    lines = (examination.host.read("/etc/group").text or "").splitlines()
    return [fields for fields in (line.split(":") for line in lines) if len(fields) == _GROUP_FIELDS]


CHECKS = (check_engines, check_docker_desktop, check_docker_snap, check_rootless)
