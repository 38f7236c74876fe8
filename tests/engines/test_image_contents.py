"""What really stands in images: values that were meant to be something else, packages of the distribution, threads."""

import hashlib
import json
import os
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from shutil import which
from threading import Thread
from typing import TYPE_CHECKING

import msgspec
import pytest

from envkit.data import load_matrix
from envkit.generate import generate_artifacts
from envkit.generate.options import Dialect, Options
from envkit.model.plan import Plan, RunSettings, SystemPackage

if TYPE_CHECKING:
    from conftest import DockerSite

pytestmark = pytest.mark.engine
MakeWheel = Callable[..., Path]
Build = Callable[..., str]
EPOCH = 315619200
HOSTILE = (
    "$(touch /workspace/pwned)",
    "`touch /workspace/pwned`",
    "${HOME}",
    "$HOME",
    "\\$HOME",
    "a\"b'c",
    'x" EVIL="1',
    "x\\",
    "x \\",
    "<<EOF",
    "# escape=`",
    "; touch /workspace/pwned",
    "&& touch /workspace/pwned",
    "| touch /workspace/pwned",
    "--privileged",
    "FROM evil:1",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "\u4e2d\u6587 \U0001f600",
    "a=b,c=d",
    "%s%n",
    "",
    " ",
    "x" * 4000,
)


def docker(*arguments: str, **variables: str) -> str:
    client = which("docker", path="/usr/bin") or which("docker")
    assert client is not None
    completed = subprocess.run(
        [client, *arguments], check=False, capture_output=True, text=True, env={**os.environ, **variables}
    )
    assert completed.returncode == 0, completed.stderr[-4000:]
    return completed.stdout


@pytest.fixture
def build(docker_site: "DockerSite", tmp_path: Path) -> Iterator[Build]:
    """Build a plan's files by the engine's own command; the images are removed when the test ends."""
    tags: list[str] = []

    def run(plan: Plan, *arguments: str, dialect: Dialect = Dialect.BUILDKIT, umask: int = 0o022, **names: str) -> str:
        directory, tag = tmp_path / uuid.uuid4().hex, f"envkit-test:{uuid.uuid4().hex[:12]}"
        wheels = directory / "wheelhouse"
        before = os.umask(umask)
        try:
            wheels.mkdir(parents=True)
            for file in generate_artifacts(plan, "dockerfile", Options(dialect=dialect)).files:
                (directory / file.path).write_text(file.text)
            for package in plan.lock.packages:
                os.link(str(package.file.path), wheels / package.file.filename)
        finally:
            os.umask(before)
        fixed = ("--provenance=false", "--sbom=false", f"--build-arg=SOURCE_DATE_EPOCH={EPOCH}", "--network=host")
        output = f"--output=type=image,name={tag},unpack=true"
        # As envkit has pip ask no index where all wheels are here.
        (tmp_path / "pip.conf").write_text("[global]\nno-index = true\n")
        secret = f"--secret=id=pip,src={tmp_path / 'pip.conf'}"
        tags.append(tag)
        docker(
            "buildx",
            "build",
            *fixed,
            output,
            f"--build-context=wheelhouse={wheels}",
            secret,
            *arguments,
            str(directory),
            **names,
        )
        return tag

    assert docker_site.client is not None
    yield run
    for tag in tags:
        docker("rmi", "--force", tag)


@pytest.fixture
def plan(docker_site: "DockerSite", make_wheel: MakeWheel, tmp_path: Path) -> Plan:
    wheels = tmp_path / "wheels"
    plan = docker_site.plan(make_wheel(wheels, "tiny-demo", "1.0"), make_wheel(wheels, "other-demo", "1.0"))
    assert plan.base is not None
    return msgspec.structs.replace(plan, packages={"tiny-demo": "1.0"})


@pytest.mark.parametrize("dialect", Dialect)
def test_hostile_values_arrive_as_they_are_and_do_nothing(plan: Plan, build: Build, dialect: Dialect) -> None:
    environment = {f"VALUE_{number}": text for number, text in enumerate(HOSTILE)}
    labels = {f"org.example.{number}": text for number, text in enumerate(HOSTILE)}
    show = ("python", "-c", "import json, os, sys; print(json.dumps([dict(os.environ), sys.argv[1:], os.listdir()]))")
    settings = RunSettings(environment=environment, command=(*show, *HOSTILE))
    hostile = msgspec.structs.replace(plan, run=settings, name="x;touch pwned", variant="$(id)", profile="`id`")
    tag = build(hostile, *(f"--label={key}={value}" for key, value in labels.items()), dialect=dialect)
    image = json.loads(docker("image", "inspect", tag))[0]["Config"]
    assert image["Cmd"] == [*show, *HOSTILE]
    assert image["Labels"] == labels
    assert image["User"] == "1000:1000"
    found, arguments, files = json.loads(docker("run", "--rm", "--network=none", tag))
    assert {name: found.get(name) for name in environment} == environment
    assert arguments == list(HOSTILE)
    assert files == []
    assert "EVIL" not in found


def test_same_lock_gives_the_same_image_whatever_the_time_umask_and_locale(plan: Plan, build: Build) -> None:
    first = build(plan, "--no-cache", umask=0o022, LC_ALL="C", TZ="UTC")
    second = build(plan, "--no-cache", umask=0o077, LC_ALL="C.UTF-8", TZ="Asia/Shanghai")
    assert layers(first) == layers(second)
    if docker("info", "--format", "{{json .DriverStatus}}").find("io.containerd.snapshotter") != -1:
        assert image_id(first) == image_id(second)


def test_environments_differ_in_the_last_layers_alone(
    plan: Plan, build: Build, make_wheel: MakeWheel, docker_site: "DockerSite", tmp_path: Path
) -> None:
    wheels = tmp_path / "changed"
    changed = docker_site.plan(
        make_wheel(wheels, "tiny-demo", "1.0"), make_wheel(wheels, "other-demo", "1.1"), packages=plan.packages
    )
    first, second = layers(build(plan)), layers(build(changed))
    # Those of the base, what WORKDIR makes, the large wheels, the group of the changed one, and the lock.
    assert [one == other for one, other in zip(first, second, strict=True)][-3:] == [True, False, False]


def test_portable_image_has_what_the_other_has(plan: Plan, build: Build) -> None:
    program = "import tiny_demo, other_demo, os; print(tiny_demo.__version__, os.path.exists(tiny_demo.__cached__))"
    for dialect in Dialect:
        tag = build(plan, dialect=dialect)
        assert docker("run", "--rm", "--network=none", "--user=4321:4321", tag, "python", "-c", program) == "1.0 True\n"
        listed = docker("run", "--rm", "--network=none", tag, "ls", "/opt/envkit", "/")
        assert "requirements.lock" in listed
        assert "wheelhouse" not in listed


def test_threads_follow_the_quota_also_in_commands_that_are_executed_later(plan: Plan, build: Build) -> None:
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("one processor")
    tag = build(plan)
    ask = ("python", "-c", "import os; print(os.environ.get('OMP_NUM_THREADS'))")
    assert docker("run", "--rm", "--network=none", tag, *ask) == "None\n"
    container = docker("run", "--detach", "--network=none", "--cpus=1", tag).strip()
    try:
        assert docker("exec", container, *ask) == "1\n"
        assert docker("exec", "--env=OMP_NUM_THREADS=5", container, *ask) == "5\n"
        assert docker("inspect", "--format", "{{.Path}}", container) == "sleep\n", "the first process is the command"
    finally:
        docker("rm", "--force", container)


def layers(tag: str) -> list[str]:
    found: list[str] = json.loads(docker("image", "inspect", tag))[0]["RootFS"]["Layers"]
    return found


def image_id(tag: str) -> str:
    return docker("image", "inspect", "--format", "{{.Id}}", tag)


@contextmanager
def debian_archive(directory: Path) -> Iterator[str]:
    """Serve an archive with two versions of one package, as a line of sources.list."""
    builder = which("dpkg-deb")
    if builder is None:
        pytest.skip("no dpkg-deb, which makes the package of this test")
    index = ""
    for version in ("1:1.0-1", "1:2.0-1"):
        name = f"envkit-demo_{version.replace(':', '%3a')}_all.deb"
        root = directory / version.replace(":", "_")
        (root / "DEBIAN").mkdir(parents=True)
        (root / "usr" / "share" / "envkit-demo").mkdir(parents=True)
        (root / "usr" / "share" / "envkit-demo" / "version").write_text(version)
        control = (
            f"Package: envkit-demo\nVersion: {version}\nArchitecture: all\n"
            "Maintainer: nobody <nobody@example.com>\nDescription: for a test\n"
        )
        (root / "DEBIAN" / "control").write_text(control)
        (root / "DEBIAN" / "postinst").write_text("#!/bin/sh\ndate > /var/log/envkit-demo.log\n")
        (root / "DEBIAN" / "postinst").chmod(0o755)
        subprocess.run(
            [builder, "--root-owner-group", "--build", root, directory / name], check=True, stdout=subprocess.PIPE
        )
        data = (directory / name).read_bytes()
        index += f"{control}Filename: ./{name}\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\n\n"
    (directory / "Packages").write_text(index)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(directory)))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"deb [trusted=yes] http://127.0.0.1:{server.server_port} ./\n"
    server.shutdown()
    server.server_close()
    thread.join()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def test_system_package_of_the_locked_version_is_installed_from_a_mirror_that_leaves_no_trace(
    plan: Plan, build: Build, tmp_path: Path
) -> None:
    packages = (SystemPackage(name="envkit-demo", version="1:1.0-1"),)
    plan = msgspec.structs.replace(
        plan, system_packages=packages, package_manager=load_matrix(()).package_manager("apt")
    )
    archive = tmp_path / "archive"
    archive.mkdir()
    with debian_archive(archive) as line:
        (tmp_path / "apt-sources").write_text(line)
        secret = f"--secret=id=apt-sources,src={tmp_path / 'apt-sources'}"
        first, second = (build(plan, "--no-cache", secret) for _ in range(2))
    assert layers(first) == layers(second), "logs, caches or times of the build are in the image"
    show = ("cat", "/usr/share/envkit-demo/version")
    assert docker("run", "--rm", "--network=none", first, *show) == "1:1.0-1"
    search = "grep -rl 127.0.0.1: /etc/apt /var/lib/apt /var/cache /var/log /run 2>/dev/null | wc -l"
    assert docker("run", "--rm", "--network=none", "--user=0:0", first, "sh", "-c", search) == "0\n"
    assert "127.0.0.1" not in docker("history", "--no-trunc", first)
