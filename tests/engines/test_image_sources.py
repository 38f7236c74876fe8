from configparser import RawConfigParser

import pytest

from envkit.engines.image_sources import pip_configuration, proxy_variables, uses_loopback
from envkit.errors import UnsafeTextError
from envkit.model.lock import Lock, LockedFile, LockedPackage
from envkit.model.plan import Plan
from envkit.model.request import Mode
from envkit.model.resolution import PackageIndex
from envkit.model.sources import PackageSources, Setting


def setting(value: str) -> Setting:
    return Setting(value=value, origin="test")


def plan(*, path: str | None = None, indexes: tuple[PackageIndex, ...] = ()) -> Plan:
    file = LockedFile(filename="x.whl", sha256="a" * 64, path=path, url=None if path else "https://example.com/x.whl")
    lock = Lock(
        python="3.11",
        platform="any",
        packages=(LockedPackage(name="x", version="1", file=file),),
        pylock="",
        sha256="",
    )
    return Plan(
        name="demo",
        mode=Mode.CONTAINER,
        vendor="cpu",
        variant="cpu",
        python="3.11",
        packages={},
        lock=lock,
        smoke=(),
        fingerprint="f",
        indexes=indexes,
    )


TORCH = PackageIndex(name="pytorch-cu128", url="https://download.pytorch.org/whl/cu128", packages=("torch",))


def options(configured: str) -> dict[str, list[str]]:
    parser = RawConfigParser()
    parser.read_string(configured)
    values = dict(parser.items("global"))
    # pip takes no line break around a single value.
    assert all(value == value.strip() for value in values.values())
    return {name: value.split() for name, value in values.items()}


def test_without_settings_only_the_wheelhouse_and_the_plan_s_indexes_are_named() -> None:
    assert options(pip_configuration(plan(indexes=(TORCH,)), PackageSources())) == {
        "find-links": ["/wheelhouse"],
        "extra-index-url": [TORCH.url],
    }


def test_settings_of_the_user_reach_the_build() -> None:
    sources = PackageSources(
        index=setting("https://user:p%40ss@mirror.example.com/simple"),
        extra_indexes=(setting("https://extra.example.com/simple"),),
        wheelhouses=(setting("https://links.example.com/"), setting("/srv/wheels")),
        certificate=setting("/home/me/ca.pem"),
        trusted_hosts=(setting("mirror.example.com"),),
        timeout_seconds=7.5,
    )
    assert options(pip_configuration(plan(), sources)) == {
        "index-url": ["https://user:p%40ss@mirror.example.com/simple"],
        "extra-index-url": ["https://extra.example.com/simple"],
        "find-links": ["/wheelhouse", "https://links.example.com/"],
        "cert": ["/run/secrets/ca.pem"],
        "trusted-host": ["mirror.example.com"],
        "timeout": ["7.5"],
    }


def test_mirror_of_a_recipe_s_index_takes_its_place() -> None:
    sources = PackageSources(named_indexes={"pytorch-cu128": setting("https://mirror.example.com/cu128")})
    configured = options(pip_configuration(plan(indexes=(TORCH,)), sources))
    assert configured["extra-index-url"] == ["https://mirror.example.com/cu128"]


def test_local_directories_are_not_named_inside_a_build() -> None:
    sources = PackageSources(index=setting("file:///srv/simple"), extra_indexes=(setting("file:///srv/more"),))
    assert options(pip_configuration(plan(), sources)) == {"find-links": ["/wheelhouse"]}


def test_no_index_is_asked_when_every_wheel_is_at_hand_or_the_user_says_so() -> None:
    assert options(pip_configuration(plan(path="/srv/x.whl"), PackageSources()))["no-index"] == ["true"]
    assert options(pip_configuration(plan(), PackageSources(offline=True)))["no-index"] == ["true"]
    assert options(pip_configuration(plan(), PackageSources(no_index=True)))["no-index"] == ["true"]


@pytest.mark.parametrize("value", ["https://example.com\n[install]\ntarget = /", "https://example.com/\0"])
def test_setting_that_would_end_its_line_is_refused(value: str) -> None:
    with pytest.raises(UnsafeTextError, match="index-url"):
        pip_configuration(plan(), PackageSources(index=setting(value)))


def test_proxies_are_the_arguments_that_the_builder_does_not_keep() -> None:
    sources = PackageSources(proxies={"https": setting("http://proxy:3128"), "no": setting("localhost")})
    assert proxy_variables(sources) == {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "localhost"}


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        (PackageSources(), False),
        (PackageSources(index=setting("https://mirror.example.com/simple")), False),
        (PackageSources(index=setting("http://127.0.0.1:3141/simple")), True),
        (PackageSources(proxies={"https": setting("http://localhost:3128")}), True),
        (PackageSources(proxies={"no": setting("localhost")}), False),
    ],
    ids=["none", "remote", "index", "proxy", "exception"],
)
def test_servers_of_this_machine_are_told_from_others(sources: PackageSources, expected: bool) -> None:  # noqa: FBT001 - the expected answer
    assert uses_loopback(sources) is expected
