"""What podman says where a machine does not allow what it asks for, as podman 4.3 said it."""

import pytest

from envkit.engines.backends.podman_answers import ADAPTATIONS, own_words
from envkit.system.command import Completed

HYBRID = "Error: OCI runtime error: crun: cgroups in hybrid mode not supported, drop all controllers from cgroupv2\n"
LIMITS = "Error: crun: setrlimit `RLIMIT_NOFILE`: Operation not permitted: OCI permission denied\n"
LIMITS_OF_RUNC = (
    "Error: runc: runc create failed: unable to start container process: error during container init: error setting "
    "rlimits for ready process: error setting rlimit type 7: operation not permitted: OCI permission denied\n"
)
NO_INIT = "Error: container-init binary not found on the host: stat /usr/libexec/podman/catatonit: no such file\n"
NO_NETWORK = 'Error: /usr/bin/slirp4netns failed: "open(\\"/dev/net/tun\\"): Permission denied\\nchild failed(1)\\n"\n'
NO_DEVICE = "Error: stat envkit.dev/none=0: no such file or directory\n"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (HYBRID, ["runc"]),
        (LIMITS, ["limits"]),
        (LIMITS_OF_RUNC, ["limits"]),
        (NO_INIT, ["catatonit"]),
        (NO_NETWORK, ["network"]),
        (NO_DEVICE, []),
    ],
)
def test_what_helps_is_known_from_what_podman_says(said: str, words: list[str]) -> None:
    reason = own_words(Completed(status=125, stderr=f"time=… level=warning\n{said}"))
    assert not reason.startswith("Error:")
    helping = [one for one in ADAPTATIONS if one.fits(reason)]
    assert len(helping) == len(words)
    assert all(word in one.sentence for one, word in zip(helping, words, strict=True))


def test_silence_is_told_by_the_status() -> None:
    assert own_words(Completed(status=125)) == "exit status 125"
    assert own_words(Completed(failure="timed out after 120 s")) == "timed out after 120 s"
