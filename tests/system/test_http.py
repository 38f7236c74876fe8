import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from envkit.model.sources import PackageSources, Setting
from envkit.system.http import Question, probe_index, probe_indexes
from envkit.system.sources import read_sources

MakeWheel = Callable[..., Path]
Serve = Callable[[Path], Any]


def configured(url: str) -> PackageSources:
    return PackageSources(index=Setting(value=url, origin="PIP_INDEX_URL"))


def test_index_that_has_the_package_is_reachable(tmp_path: Path, make_wheel: MakeWheel, serve_index: Serve) -> None:
    make_wheel(tmp_path, "alpha", "1.0")
    server = serve_index(tmp_path)
    state = probe_index("default", server.url, "alpha", PackageSources())
    assert (state.name, state.url, state.reachable, state.reason) == ("default", server.url, True, "")
    assert server.seen == ["/simple/alpha/"]


def test_index_without_the_package_is_reachable_and_says_so(tmp_path: Path, serve_index: Serve) -> None:
    state = probe_index("default", serve_index(tmp_path).url, "alpha", PackageSources())
    assert (state.reachable, state.reason) == (True, "answers, but has no package `alpha`")


def test_page_that_is_no_index_is_named_as_such(tmp_path: Path, serve_index: Serve) -> None:
    server = serve_index(tmp_path)
    server.page = "<html><body>Please log in</body></html>"
    state = probe_index("default", server.url, "alpha", PackageSources())
    assert (state.reachable, state.reason) == (False, "answered with a page that is not a package index (text/html)")


@pytest.mark.parametrize(("status", "reason"), [(403, "HTTP 403 Forbidden"), (503, "HTTP 503 Service Unavailable")])
def test_refusals_are_given_with_their_status(tmp_path: Path, serve_index: Serve, status: int, reason: str) -> None:
    server = serve_index(tmp_path)
    server.status = status
    state = probe_index("default", server.url, "alpha", PackageSources())
    assert (state.reachable, state.reason) == (False, reason)


def test_credentials_are_used_and_not_shown(tmp_path: Path, make_wheel: MakeWheel, serve_index: Serve) -> None:
    make_wheel(tmp_path, "alpha", "1.0")
    server = serve_index(tmp_path)
    server.credentials = ("me", "s3cret")
    assert probe_index("default", server.url, "alpha", PackageSources()).reason == "HTTP 401 Unauthorized"
    full = f"http://me:s3cret@{server.host}/simple"
    by_address = probe_index("default", full, "alpha", PackageSources())
    by_setting = probe_index("default", server.url, "alpha", configured(full))
    assert by_address == by_setting
    assert (by_setting.reachable, by_setting.url) == (True, server.url)


def test_refused_connection_and_unknown_name_are_told_apart() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    states = probe_indexes(
        (
            Question(name="refused", url=f"http://127.0.0.1:{port}/simple", package="alpha"),
            Question(name="unknown", url="http://no-such-host.invalid/simple", package="alpha"),
        ),
        PackageSources(),
    )
    assert [(state.name, state.reachable, state.reason) for state in states] == [
        ("refused", False, "the connection was refused"),
        ("unknown", False, "the name `no-such-host.invalid` cannot be resolved"),
    ]


def test_silent_server_costs_no_more_than_the_limit() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        question = Question(name="silent", url=f"http://127.0.0.1:{silent.getsockname()[1]}/simple", package="alpha")
        started = time.monotonic()
        (state,) = probe_indexes((question,), PackageSources(), limit_seconds=0.3)
    assert time.monotonic() - started < 2
    assert (state.reachable, state.reason) == (False, "no answer within 0.3 s")


def test_proxy_that_refuses_is_blamed(tmp_path: Path, serve_index: Serve) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        proxy = Setting(value=f"http://127.0.0.1:{closed.getsockname()[1]}", origin="http_proxy")
    server = serve_index(tmp_path)
    state = probe_index("default", server.url, "alpha", PackageSources(proxies={"http": proxy}))
    assert not state.reachable
    assert state.reason.startswith("the proxy did not let it through: ")
    exempt = PackageSources(proxies={"http": proxy, "no": Setting(value="127.0.0.1", origin="no_proxy")})
    assert probe_index("default", server.url, "alpha", exempt).reachable


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate with openssl")
def test_untrusted_certificate_is_named_and_a_configured_bundle_or_trusted_host_mends_it(
    tmp_path: Path, make_wheel: MakeWheel, serve_index: Serve
) -> None:
    make_wheel(tmp_path, "alpha", "1.0")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1"),
            *("-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    server = serve_index(tmp_path)
    server.use_tls(certificate, key)
    url = f"https://{server.host}/simple"
    state = probe_index("default", url, "alpha", PackageSources())
    assert not state.reachable
    assert state.reason.startswith("the certificate is not trusted (")
    assert state.reason.endswith("`SSL_CERT_FILE` names your own bundle")
    bundle = Setting(value=str(certificate), origin="SSL_CERT_FILE")
    assert probe_index("default", url, "alpha", PackageSources(certificate=bundle)).reachable
    trusted = (Setting(value="127.0.0.1", origin="PIP_TRUSTED_HOST"),)
    assert probe_index("default", url, "alpha", PackageSources(trusted_hosts=trusted)).reachable


def test_directory_as_index_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "alpha").mkdir()
    assert probe_index("local", tmp_path.as_uri(), "alpha", PackageSources(offline=True)).reachable
    assert "no package `beta`" in probe_index("local", tmp_path.as_uri(), "beta", PackageSources()).reason
    gone = probe_index("local", (tmp_path / "gone").as_uri(), "alpha", PackageSources())
    assert (gone.reachable, gone.reason) == (False, f"no such directory: `{tmp_path}/gone`")


def test_offline_asks_nobody(tmp_path: Path, serve_index: Serve) -> None:
    server = serve_index(tmp_path)
    state = probe_index("default", server.url, "alpha", PackageSources(offline=True))
    assert (state.reachable, state.reason) == (False, "not asked, since offline was asked for")
    assert server.seen == []


@pytest.mark.network
def test_main_index_answers_with_the_certificate_that_is_configured() -> None:
    sources = read_sources(os.environ, home=os.environ["HOME"])
    url = sources.index.value if sources.index else "https://pypi.org/simple"
    state = probe_index("default", url, "pip", sources)
    assert (state.reachable, state.reason) == (True, "")
