"""What is left out of facts that are shown to others."""

from envkit.detect.redact import redact
from envkit.model.host import ContainerEngine, Cpu, Device, Evidence, HostFacts, Python
from envkit.model.value import to_json

FACTS = HostFacts(
    cpu=Cpu(architecture="x86_64", features=("avx2",)),
    devices=(Device(vendor="nvidia", index=0, name="MIG-9a9a6c50-2a47-2f51-a902-b82c3b127e94", usable=True),),
    engines=(
        ContainerEngine(name="docker", endpoint="unix:///run/user/1000/docker.sock", client="/home/alice/bin/docker"),
        ContainerEngine(name="docker", endpoint="ssh://alice@workstation:22/run/docker.sock"),
    ),
    pythons=(Python(version="3.11.7", path="/root/.pyenv/versions/3.11.7/bin/python3.11"),),
    evidence=(Evidence(fact="devices[0]", source="/proc/x", raw="GPU-9A9A6C50-2A47-2F51-A902-B82C3B127E94"),),
)


def test_no_user_host_or_device_is_named() -> None:
    text = to_json(redact(FACTS)).lower()
    assert not [secret for secret in ("alice", "workstation", "/root", "9a9a6c50", "b82c3b127e94") if secret in text]


def test_homes_become_a_tilde() -> None:
    redacted = redact(FACTS)
    assert redacted.pythons == (Python(version="3.11.7", path="~/.pyenv/versions/3.11.7/bin/python3.11"),)
    assert (redacted.engines or ())[0].client == "~/bin/docker"


def test_one_device_has_one_hash_however_it_is_spelled() -> None:
    redacted = redact(FACTS)
    name = (redacted.devices or ())[0].name or ""
    assert name.removeprefix("MIG-") == (redacted.evidence[0].raw or "").removeprefix("GPU-")


def test_everything_else_stays_and_unknown_stays_unknown() -> None:
    redacted = redact(FACTS)
    assert redacted.cpu == FACTS.cpu
    assert (redacted.engines or ())[0].endpoint == "unix:///run/user/1000/docker.sock"
    assert redacted.os is None
    assert redact(redacted) == redacted
    assert redact(HostFacts(devices=())) == HostFacts(devices=())
