import gc
import hashlib
import os
import uuid
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from envkit.build import build_environment
from envkit.engines.backends.docker import make_engine
from envkit.engines.backends.docker_client import DockerClient
from envkit.engines.containers import ContainerEnvironments
from envkit.engines.labels import PREFIX, repository
from envkit.engines.protocol import BuildContext, Progress
from envkit.engines.records import ContainerClient
from envkit.errors import EnvkitError
from envkit.model.environment import Built, Environment
from envkit.model.lock import Lock, LockedFile, LockedPackage
from envkit.model.plan import Plan
from envkit.model.request import Mode
from envkit.model.resolution import Base
from envkit.model.sources import PackageSources

BASE = "python:3.11-slim-bookworm"
MakeWheel = Callable[..., Path]


class DockerSite:
    """A real engine, docker or podman, with environments that are removed when the test ends."""

    def __init__(self, engine: ContainerEnvironments, client: ContainerClient, base: Base, directory: Path) -> None:
        self.engine = engine
        self.client = client
        self.base = base
        self.directory = directory
        self.log = directory / "build.log"
        self.progress: list[Progress] = []
        self.notes: list[str] = []
        self.sources = PackageSources()
        self._names: set[str] = set()

    def new_name(self) -> str:
        name = f"Test.{uuid.uuid4().hex[:8]}"
        self._names.add(name)
        return name

    def plan(
        self, *wheels: Path, name: str | None = None, urls: dict[str, str] | None = None, **fields: object
    ) -> Plan:
        """Return a plan of wheels; `urls` has those that are to be fetched, by file name."""
        packages = []
        for wheel in wheels:
            package, version = wheel.name.split("-")[:2]
            url = (urls or {}).get(wheel.name)
            file = LockedFile(
                filename=wheel.name,
                sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
                url=url,
                path=None if url else str(wheel),
            )
            packages.append(LockedPackage(name=package.replace("_", "-"), version=version, file=file))
        lock = Lock(python="3.11", platform="any", packages=tuple(packages), pylock="", sha256="b" * 64)
        name = name or self.new_name()
        labels = {
            "name": name,
            "fingerprint": "f1",
            "recipes": "demo",
            "vendor": "cpu",
            "variant": "cpu",
            "python": "3.11",
            "packages": msgspec.json.encode({package.name: package.version for package in packages}).decode(),
            "lock": lock.sha256,
        }
        usual: dict[str, object] = {
            "name": name,
            "mode": Mode.CONTAINER,
            "vendor": "cpu",
            "variant": "cpu",
            "python": "3.11",
            "packages": {},
            "lock": lock,
            "smoke": (),
            "fingerprint": "f1",
            "base": self.base,
            "labels": {f"{PREFIX}{key}": value for key, value in labels.items()},
            "imports": tuple(package.name.replace("-", "_") for package in packages),
        }
        return Plan(**{**usual, **fields})  # type: ignore[arg-type]

    def build(self, plan: Plan, *, fresh: bool = False) -> Built:
        context = BuildContext(
            sources=self.sources,
            log=str(self.log),
            fresh=fresh,
            progress=self.progress.append,
            note=self.notes.append,
        )
        return build_environment(self.engine, plan, context)

    def start(self, plan: Plan) -> Environment:
        return self.engine.start(plan, self.build(plan))

    def up(self, plan: Plan) -> Environment:
        return self.engine.commit(plan, self.start(plan))

    def python(self, environment: Environment, program: str) -> str:
        completed = self.engine.execute(environment, ("python", "-"), stdin=program, timeout_seconds=60)
        assert completed.ok, completed
        return completed.stdout

    def containers(self, name: str) -> set[str]:
        return {found.name for found in self.client.containers({f"{PREFIX}name": name})}

    def images(self, name: str) -> tuple[str, ...]:
        return self.client.tags(repository(name))

    def close(self) -> None:
        for name in self._names:
            for container in self.client.containers({f"{PREFIX}name": name}):
                self.client.remove(container.id)
            for tag in self.images(name):
                self.client.remove_unused(tag)


@pytest.fixture(scope="session")
def docker_base() -> Base:
    """The base image of the tests; skips where no engine answers or it cannot be had."""
    reason = None
    try:
        state = make_engine().find_base(BASE)
    except EnvkitError as error:
        reason = f"{error.message}: {'; '.join(error.facts)}"
    if reason is not None:
        # The SDK does not close the socket of a connection that failed.
        with warnings.catch_warnings(action="ignore"):
            gc.collect()
        pytest.skip(reason)
    if not state.available:
        pytest.skip(f"no base image {BASE}: {state.reason}")
    return Base(image=BASE, os="debian-12", digest=state.digest)


@pytest.fixture
def docker_site(docker_base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DockerSite]:
    for variable in ("XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / variable))
    site = DockerSite(make_engine(), DockerClient(), docker_base, tmp_path)
    yield site
    site.close()


@pytest.fixture
def make_site(tmp_path: Path) -> Callable[[ContainerEnvironments, ContainerClient, Base], DockerSite]:
    return lambda engine, client, base: DockerSite(engine, client, base, tmp_path)


@pytest.fixture
def containers_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let podman, buildah and skopeo take images of Docker Hub from the test registry."""
    registry = os.environ.get("ENVKIT_TEST_REGISTRY")
    if registry is None:
        pytest.skip("ENVKIT_TEST_REGISTRY is not set: no registry to take base images from")
    settings = tmp_path / "registries.conf"
    settings.write_text(
        f'[[registry]]\nlocation = "docker.io"\n[[registry.mirror]]\nlocation = "{registry}"\ninsecure = true\n'
    )
    monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(settings))
