"""What is left out of facts that are shown to others."""

import pytest

from envkit.detect.redact import Names, redact
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
    assert not [secret for secret in ("alice", "workstation", "9a9a6c50", "b82c3b127e94") if secret in text]


def test_homes_stay_absolute_paths_and_name_nobody() -> None:
    redacted = redact(FACTS)
    assert (redacted.engines or ())[0].client == "/home/user/bin/docker"
    assert redacted.pythons == FACTS.pythons, "root is nobody's name"


def test_a_home_elsewhere_and_names_that_stand_alone_are_replaced() -> None:
    names = Names(home="/data/alice", user="alice", host="gpu7")
    facts = HostFacts(
        pythons=(Python(version="3.11.7", path="/data/alice/bin/python3"),),
        evidence=(Evidence(fact="os", source="dmesg", raw="gpu7 kernel: alice's malice on gpu70, gpu7.lab"),),
    )
    redacted = redact(facts, names)
    assert (redacted.pythons or ())[0].path == "/home/user/bin/python3"
    assert redacted.evidence[0].raw == "host kernel: user's malice on gpu70, host.lab"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "    Serial Number                         : 1322921043872",
            "    Serial Number                         : redacted",
        ),
        ("<serial>1322921043872</serial>", "<serial>redacted</serial>"),
        ('{"Serial Number": "692302000123", "x": 1}', '{"Serial Number": "redacted", "x": 1}'),
        ("    Unique ID: 0x1d5f2a", "    Unique ID: redacted"),
        ("    Serial Number : N/A", "    Serial Number : N/A"),
        ("<serial>N/A</serial>", "<serial>N/A</serial>"),
        ("ether 0c:42:a1:11:22:33 up", "ether 00:00:00:00:00:00 up"),
        ("0000:1b:00.0", "0000:1b:00.0"),
        ("https://alice:secret@proxy:3128/x", "https://proxy:3128/x"),
        ("install it from https://www.python.org/downloads", "install it from https://www.python.org/downloads"),
        ('{"Name":"gpu-box","ID":"f00","ServerVersion":"26.1"}', '{"ServerVersion":"26.1"}'),
    ],
)
def test_numbers_of_one_device_or_machine_go_and_their_names_stay(text: str, shown: str) -> None:
    assert redact([text]) == [shown]


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
