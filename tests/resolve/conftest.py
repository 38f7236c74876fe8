"""The real matrix, hand-made ones, and short ways to ask."""

import shlex
from collections.abc import Callable, Iterator

import pytest

from envkit.data import load_matrix
from envkit.model.availability import Availability
from envkit.model.host import HostFacts, Runtime
from envkit.model.matrix import Foundations, Matrix
from envkit.model.recipe import CompanionRow, IndexRow, Recipe, ReleaseRow, SmokeRow, VariantRow
from envkit.model.request import Allowance, Mode, Request
from envkit.model.resolution import Resolution
from envkit.model.vendor import ArchitectureRow, BaseRow, DriverBranch, DriverFloor, DriverRow, Vendor
from envkit.resolve import resolve_request
from envkit.resolve.spec import parse_spec
from envkit.resolve.targets import target_facts

AS_OF = "2026-11-22"
# These change the request alone; the others tell the user to change the machine, its network or its files first.
BY_REQUEST = {"pin-framework", "change-python", "drop-extra", "drop-package", "use-device", "use-container", "use-cpu"}
BY_REQUEST |= {"any-index", "plain-base", "forward-compat"}
Ask = Callable[..., Resolution]
MakeRelease = Callable[..., ReleaseRow]
MakeMatrix = Callable[..., Matrix]


def ask(
    matrix: Matrix,
    host: HostFacts | str,
    *specs: str,
    availability: Availability | None = None,
    mode: Mode | None = Mode.CONTAINER,
    **request: object,
) -> Resolution:
    facts = target_facts(host, matrix) if isinstance(host, str) else host
    asked = Request(specs=tuple(map(parse_spec, specs)), as_of=AS_OF, mode=mode, **request)
    return resolve_request(facts, asked, matrix, availability or Availability())


@pytest.fixture(scope="session")
def matrix() -> Matrix:
    return load_matrix()


@pytest.fixture(scope="session")
def ask_real(matrix: Matrix) -> Ask:
    return lambda host, *specs, **rest: ask(matrix, host, *specs, **rest)


@pytest.fixture(scope="session")
def ask_in() -> Ask:
    return ask


@pytest.fixture(scope="session")
def make_release() -> MakeRelease:
    def make(version: str, **fields: object) -> ReleaseRow:
        defaults: dict[str, object] = {
            "released": "2026-01-01",
            "pythons": ("3.11", "3.12", "3.13t"),
            "source": "toy",
            "default": {"x86_64": "cpu"},
            "libc": {"x86_64": "2.28"},
        }
        return ReleaseRow(version=version, **{**defaults, **fields})

    return make


def _variants() -> tuple[VariantRow, ...]:
    x86 = ("x86_64",)
    cuda = Runtime(name="cuda", version="12.8")
    return (
        VariantRow(variant="cpu", vendor="cpu", releases="", cpu_architectures=x86, source="toy", architectures=()),
        VariantRow(
            variant="cu128",
            vendor="nvidia",
            releases="",
            cpu_architectures=x86,
            source="toy",
            runtime=cuda,
            architectures=("sm_80",),
            ptx=("sm_80",),
        ),
    )


def _vendor() -> Vendor:
    return Vendor(
        name="nvidia",
        title="NVIDIA",
        pci_vendors=("10de",),
        sources={},
        architecture_rule="same-major",
        architectures=tuple(
            ArchitectureRow(architecture=name, generation="Toy", source="toy") for name in ("sm_75", "sm_86", "sm_90")
        ),
        driver_floors=(DriverFloor(runtime_major=12, minimum="525.60.13", minimum_windows="528.33", source="toy"),),
        driver_rows=(DriverRow(runtime="12.8", minimum="570.26", source="toy"),),
        driver_branches=(
            DriverBranch(branch=535, ceiling="12.2", source="toy"),
            DriverBranch(branch=570, ceiling="12.8", source="toy"),
        ),
    )


@pytest.fixture(scope="session")
def make_matrix() -> MakeMatrix:
    """Make a matrix with one recipe `toy`, or more, of the releases given."""

    def make(*releases: ReleaseRow, others: tuple[Recipe, ...] = (), **fields: object) -> Matrix:
        defaults: dict[str, object] = {
            "variants": _variants(),
            "indexes": (IndexRow(name="toy-{variant}", url="https://toy/{variant}", packages=("toy",), source="toy"),),
            "companions": (
                CompanionRow(package="toyvision", extra="vision", default=True),
                CompanionRow(package="toyaudio", extra="audio"),
                CompanionRow(package="numpy", extra="numpy", default=True, pinned=False),
            ),
        }
        recipe = Recipe(
            name="toy",
            title="Toy",
            summary="A toy.",
            package="toy",
            sources={},
            releases=releases,
            smoke=SmokeRow(program="", devices={"nvidia": "cuda", "cpu": "cpu"}, imports=()),
            **{**defaults, **fields},
        )
        base = BaseRow(
            image="python:{python}-toy",
            os="debian-12",
            libc="2.36",
            pythons=("3.11", "3.12"),
            cpu_architectures=("x86_64",),
            source="toy",
        )
        foundations = Foundations(
            sources={}, python_preference=("3.12", "3.11"), settle_days=7, bases=(base,), distributions=()
        )
        return Matrix(
            revision="toy",
            newest_source="2026-11-22",
            foundations=foundations,
            recipes=(recipe, *others),
            vendors=(_vendor(),),
        )

    return make


def parse_command(command: str) -> Request:
    """Read the command of a remedy as the command line does."""
    words: Iterator[str] = iter(shlex.split(command)[2:])
    specs: list[str] = []
    fields: dict[str, object] = {}
    packages: list[str] = []
    for word in words:
        match word:
            case "--native":
                fields["engine"] = "native"
            case "--on" | "--python" | "--engine" | "--name" | "--only-index" | "--base-image":
                fields[word.removeprefix("--").replace("-", "_")] = next(words)
            case "--allow":
                fields["allow"] = (Allowance(next(words)),)
            case "--devices":
                fields["devices"] = tuple(int(index) for index in next(words).split(","))
            case "--with":
                packages.append(next(words))
            case _:
                specs.append(word)
    return Request(specs=tuple(map(parse_spec, specs)), as_of="2026-11-22", packages=tuple(packages), **fields)


@pytest.fixture(scope="session")
def read_command() -> Callable[[str], Request]:
    return parse_command


@pytest.fixture(scope="session")
def remedied() -> Callable[[Resolution], tuple[Request, ...]]:
    """Return the requests of all remedies that change nothing but the request."""

    def replay(resolution: Resolution) -> tuple[Request, ...]:
        return tuple(
            parse_command(entry.command) for entry in resolution.remedies if set(entry.kind.split("+")) <= BY_REQUEST
        )

    return replay
