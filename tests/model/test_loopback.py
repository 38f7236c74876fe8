import pytest

from envkit.model.loopback import is_loopback


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:1", "127.0.0.1", "127.1.2.3:5000", "::1", "[::1]", "[::1]:80"]
)
def test_the_machine_itself_is_known_with_and_without_a_port(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["", "localhost.example.com", "127.example.com", "10.0.0.1", "1127.0.0.1", "::2"])
def test_any_other_host_is_not(host: str) -> None:
    assert not is_loopback(host)
