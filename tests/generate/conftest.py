"""Plans to generate from: a hand-made one, and those of recorded machines with each of several recipes."""

import hashlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import msgspec
import pytest

from envkit.data import load_matrix, load_pipelines
from envkit.data.documents import load_document
from envkit.detect.host import detect_host
from envkit.generate import generate_artifacts
from envkit.generate.options import Options
from envkit.model.artifact import Artifacts
from envkit.model.availability import Availability, ImageState
from envkit.model.host import HostFacts
from envkit.model.lock import Lock, LockedFile, LockedPackage
from envkit.model.plan import Mount, Plan, RunSettings, SystemPackage
from envkit.model.request import Mode, Request
from envkit.model.resolution import Base, Resolution
from envkit.plan import Use, make_plan
from envkit.resolve import resolve_request
from envkit.resolve.spec import parse_spec
from envkit.resolve.targets import target_facts
from envkit.system.replay import FolderHost

MakePlan = Callable[..., Plan]
TESTS = Path(__file__).parents[1]
OUTPUTS = TESTS / "golden" / "outputs"
# To take what is generated now as golden, and then read the difference: ENVKIT_UPDATE_GOLDEN=1 pytest tests/generate
UPDATE = bool(os.environ.get("ENVKIT_UPDATE_GOLDEN"))
# Recorded machines of tests/hosts, and machines that are named as `--target` does.
HOSTS = {
    "a100-cdi": "doctor-nvidia-cdi",
    "ascend-910b": "doctor-ascend-runtime-missing",
    "cambricon-mlu370": "cambricon-mlu370-s4-details",
    "desktop-4090": "nvidia-desktop-4090",
    "dgx-h100": "nvidia-dgx-h100",
    "hygon-k100": "hygon-k100-ai-topology",
    "intel-b580": "target:b580,os=ubuntu-24.04",
    "jetson-orin": "nvidia-jetson-container",
    "mi300x": "ubuntu-amd-mi300x",
    "mthreads-s5000": "mthreads-s5000-server",
    "no-accelerator": "debian-no-accelerator",
    "wsl2": "nvidia-wsl2",
}
RECIPES = ("jax", "llama-cpp", "onnxruntime", "pytorch", "transformers", "xgboost")
CASES = tuple((host, recipe) for host in HOSTS for recipe in RECIPES)
# Programs of the package, the same in every image and with tests of their own.
IMAGE_PROGRAMS = ("envkit_threads.py", "finish_image.py", "install_packages.sh", "install_wheels.py")
_DIGEST = "sha256:" + "1" * 64


def _package(name: str, version: str) -> LockedPackage:
    sha256 = f"{sum(name.encode()) % 16:x}" * 64
    file = LockedFile(filename=f"{name}.whl", sha256=sha256, url=f"https://user:word@mirror.example.com/{name}.whl")
    return LockedPackage(name=name, version=version, file=file)


@pytest.fixture
def container_plan() -> MakePlan:
    """A plan for a container; keyword arguments replace its fields, `locked` its packages."""

    def make(*, locked: dict[str, str] | None = None, **fields: object) -> Plan:
        packages = {"torch": "2.13.0+cpu", "numpy": "2.3.5"} if locked is None else locked
        lock = Lock(
            python="3.11",
            platform="x86_64-manylinux_2_36",
            packages=tuple(_package(name, version) for name, version in packages.items()),
            pylock="",
            sha256="c" * 64,
        )
        usual: dict[str, object] = {
            "name": "demo",
            "mode": Mode.CONTAINER,
            "vendor": "cpu",
            "variant": "cpu",
            "python": "3.11",
            "packages": packages,
            "lock": lock,
            "smoke": (),
            "fingerprint": "f1",
            "base": Base(image="python:3.11-slim-bookworm", os="debian-12", digest="sha256:" + "1" * 64),
            "imports": ("torch",),
        }
        return Plan(**{**usual, **fields})  # type: ignore[arg-type]

    return make


@cache
def _facts(host: str) -> HostFacts:
    recording = HOSTS[host]
    if recording.startswith("target:"):
        return target_facts(recording.removeprefix("target:"), load_matrix())
    folder = TESTS / "hosts" / recording
    document = load_document((folder / "host.yaml").read_text(encoding="utf-8"), str(folder / "host.yaml"))
    assert isinstance(document, dict)
    return detect_host(FolderHost(folder, document.get("recordings", [])), data_directory="/var/lib/envkit")


def _resolution(host: str, recipe: str, mode: Mode) -> Resolution:
    """Resolve as `envkit resolve --host` does; where nothing fits the devices, for the processor."""
    for vendor in (None, "cpu"):
        request = Request(specs=(parse_spec(recipe),), as_of="2026-11-22", mode=mode, on=vendor)
        resolution = resolve_request(_facts(host), request, load_matrix(), Availability())
        if resolution.chosen is not None and resolution.chosen.base is not None:
            image = ImageState(image=resolution.chosen.base.image, available=True, digest=_DIGEST)
            return resolve_request(_facts(host), request, load_matrix(), Availability(images=(image,)))
        if resolution.chosen is not None:
            return resolution
    raise AssertionError((host, recipe))


def _lock(resolution: Resolution, facts: HostFacts) -> Lock:
    """Lock exactly what was chosen, with hashes that are made up: no index is asked for a golden file."""
    chosen = resolution.chosen
    assert chosen is not None
    architecture = facts.cpu.architecture if facts.cpu is not None else "x86_64"
    packages = tuple(
        _wheel(name, version, architecture)
        for name, version in sorted(chosen.packages.items())
        if name not in chosen.brought
    )
    lines = ['lock-version = "1.0"', 'created-by = "envkit"', f'requires-python = "=={chosen.python}.*"']
    for package in packages:
        file = package.file
        lines += ["", "[[packages]]", f'name = "{package.name}"', f'version = "{package.version}"']
        lines.append(f'wheels = [{{ url = "{file.url}", hashes = {{ sha256 = "{file.sha256}" }} }}]')
    text = "\n".join(lines) + "\n"
    return Lock(
        python=chosen.python,
        platform=f"{architecture}-manylinux_2_36",
        packages=packages,
        pylock=text,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
    )


def _wheel(name: str, version: str, architecture: str) -> LockedPackage:
    filename = f"{name.replace('-', '_')}-{version}-py3-none-manylinux_2_28_{architecture}.whl"
    sha256 = hashlib.sha256(filename.encode()).hexdigest()
    file = LockedFile(filename=filename, sha256=sha256, url=f"https://files.example.com/{filename}", size=1 << 20)
    return LockedPackage(name=name, version=version, file=file)


@cache
def plan_of(host: str, recipe: str, mode: Mode = Mode.CONTAINER) -> Plan:
    """Return the plan of one recipe for one machine, with something in every setting that formats write."""
    facts, resolution = _facts(host), _resolution(host, recipe, mode)
    # Golden files tell what is written, not which data it was decided by.
    stamp = msgspec.structs.replace(resolution.matrix, revision="0" * 12)
    resolution = msgspec.structs.replace(resolution, matrix=stamp)
    use = Use(
        mounts=(Mount(source="/srv/data", target="/data", read_only=True),),
        profile=host,
        system_packages=(SystemPackage(name="git", version="1:2.39.5-0+deb12u2"), SystemPackage(name="ffmpeg")),
        settings=RunSettings(
            ports=(8888,),
            environment={"HF_HOME": "/data/hf", "GREETING": 'a "quoted" $word'},
            shared_memory="8g",
            command=("python", "-m", "http.server", "8888"),
        ),
    )
    return make_plan(
        resolution, _lock(resolution, facts), facts, load_matrix(), name=f"{recipe}-{host}", fingerprint="f1", use=use
    )


@pytest.fixture(params=CASES, ids="-".join)
def output_plan(request: pytest.FixtureRequest) -> Plan:
    """The plan of each recipe for each machine, for a container."""
    return plan_of(*request.param)


@pytest.fixture(params=RECIPES)
def output_profiles(request: pytest.FixtureRequest) -> tuple[Plan, ...]:
    """The plans of one recipe for all machines, as the profiles of a project."""
    return tuple(
        msgspec.structs.replace(plan_of(host, request.param), name=f"{request.param}-project") for host in HOSTS
    )


@pytest.fixture
def same_as_golden() -> Callable[[Artifacts, str], None]:
    """Compare an output with the golden files in `golden/outputs/PLACE/FORMAT`; image files have theirs elsewhere."""

    def compare(artifacts: Artifacts, place: str) -> None:
        directory = OUTPUTS / place / artifacts.output
        texts = {file.path: file.text for file in artifacts.files}
        if artifacts.output != "dockerfile":
            images = tuple(path.removesuffix("Dockerfile") for path in texts if path.endswith("/Dockerfile"))
            texts = {path: text for path, text in texts.items() if not path.startswith(images)}
        if artifacts.output != "native":
            texts = {path: text for path, text in texts.items() if not path.endswith("smoke.py")}  # everywhere the same
        # Programs of the package have tests of their own.
        texts = {path: text for path, text in texts.items() if path.rpartition("/")[2] not in IMAGE_PROGRAMS}
        if UPDATE:
            for path, text in texts.items():
                (directory / path).parent.mkdir(parents=True, exist_ok=True)
                (directory / path).write_text(text, encoding="utf-8")
        found = (path for path in directory.rglob("*") if path.is_file())
        assert texts == {str(path.relative_to(directory)): path.read_text(encoding="utf-8") for path in found}

    return compare


@pytest.fixture
def generated(tmp_path: Path) -> Callable[[Plan | tuple[Plan, ...], str], Path]:
    """Write an output into a directory, for the validators of other tools."""

    def write(plans: Plan | tuple[Plan, ...], output: str) -> Path:
        for file in generate_artifacts(plans, output, Options(pipelines=load_pipelines())).files:
            path = tmp_path / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file.text, encoding="utf-8")
            path.chmod(0o755 if file.executable else 0o644)
        return tmp_path

    return write
