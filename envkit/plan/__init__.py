"""The plan: the one description of an environment that every output and engine works from."""

import re

from envkit.errors import UnsatisfiableError, UsageError
from envkit.model.host import ContainerEngine, HostFacts
from envkit.model.lock import Lock
from envkit.model.matrix import Matrix
from envkit.model.plan import DeviceAccess, DeviceRequest, Mount, Plan, RunSettings, SystemPackage
from envkit.model.request import Mode
from envkit.model.resolution import Chosen, PackageIndex, Resolution
from envkit.model.value import Value
from envkit.model.vendor import Vendor
from envkit.plan.access import plan_access
from envkit.plan.devices import plan_devices
from envkit.plan.labels import locked_pins, plan_labels
from envkit.plan.proof import plan_imports, plan_smoke_tests
from envkit.plan.system_packages import needed_packages

# What directories, container names and image tags all take.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
# https://github.com/opencontainers/image-spec/blob/main/image-index.md: architectures as Go names them, where the
# kernel names them otherwise.
_OCI_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "loongarch64": "loong64"}


class Use(Value):
    """What a plan holds besides what was resolved and locked."""

    mounts: tuple[Mount, ...] = ()
    profile: str | None = None
    system_packages: tuple[SystemPackage, ...] = ()
    settings: RunSettings = RunSettings()


def make_plan(
    resolution: Resolution,
    lock: Lock,
    facts: HostFacts,
    matrix: Matrix,
    *,
    name: str,
    fingerprint: str,
    use: Use | None = None,
) -> Plan:
    """Return everything needed to build, start and verify what was chosen and locked.

    Raises `UsageError` for a name that no engine takes, `UnsatisfiableError` when nothing was chosen, and `DataError`
    when a recipe cannot be proved on the chosen vendor's devices.
    """
    if _NAME.fullmatch(name) is None:
        message = f"a name is up to 63 letters, digits, `.`, `_` and `-`, and starts with a letter or digit: {name!r}"
        raise UsageError(message, hints=("the same command with `--name my-environment`",))
    chosen = resolution.chosen
    if chosen is None:
        message = f"nothing was chosen for environment: {name}"
        raise UnsatisfiableError(message)
    container = chosen.mode is Mode.CONTAINER
    use = use or Use()
    manager = matrix.package_manager(chosen.base.package_manager) if chosen.base is not None else None
    return Plan(
        name=name,
        mode=chosen.mode,
        vendor=chosen.vendor,
        variant=chosen.variant,
        python=chosen.python,
        packages=locked_pins(chosen, lock),
        lock=lock,
        smoke=plan_smoke_tests(chosen, matrix, facts),
        fingerprint=fingerprint,
        interpreter=chosen.interpreter,
        base=chosen.base,
        access=plan_access(chosen, _engine(resolution, facts), facts, matrix) if container else DeviceAccess(),
        mounts=use.mounts,
        labels=plan_labels(resolution, chosen, lock, matrix, name=name, fingerprint=fingerprint),
        indexes=public_indexes(chosen, matrix),
        imports=plan_imports(chosen, matrix),
        profile=use.profile,
        platform=image_platform(facts),
        devices=plan_devices(chosen, facts, matrix) if container else DeviceRequest(),
        system_packages=needed_packages(chosen.base, manager, use.system_packages),
        package_manager=manager,
        run=use.settings,
        runtime=chosen.runtime,
        runtime_packages=_runtime_packages(matrix.vendor(chosen.vendor), lock),
    )


def _runtime_packages(vendor: Vendor | None, lock: Lock) -> tuple[str, ...]:
    return tuple(package.name for package in lock.packages if vendor is not None and vendor.is_runtime(package.name))


def platform_architecture(platform: str) -> str:
    """Return the processor architecture of a platform as the kernel names it; raises `UsageError` for another form."""
    system, _, architecture = platform.partition("/")
    named = {oci: kernel for kernel, oci in _OCI_ARCHITECTURES.items()}
    if system != "linux" or not architecture.isalnum():
        message = f"a platform is written as `linux/amd64`: {platform}"
        raise UsageError(message, hints=tuple(f"--platform linux/{name}" for name in sorted(named)))
    return named.get(architecture, architecture)


def image_platform(facts: HostFacts) -> str:
    """Return the platform of images for a machine, as OCI writes it; without facts, that of most machines."""
    architecture = facts.cpu.architecture if facts.cpu is not None else None
    return f"linux/{_OCI_ARCHITECTURES.get(architecture or 'x86_64', architecture)}"


def _engine(resolution: Resolution, facts: HostFacts) -> ContainerEngine | None:
    """Return the engine that was asked for, else the first that can be used."""
    wanted = resolution.request.engine
    return next(
        (
            engine
            for engine in facts.engines or ()
            if (engine.name == wanted if wanted is not None else engine.usable is True)
        ),
        None,
    )


def public_indexes(chosen: Chosen, matrix: Matrix) -> tuple[PackageIndex, ...]:
    """Return the recipes' own indexes among the chosen ones, at their public addresses.

    A chosen index may carry the address of the user's mirror, credentials and all, which must not reach an image.
    """
    rows = [row for recipe in map(matrix.recipe, chosen.recipes) if recipe is not None for row in recipe.indexes]
    public = ((index, row.address(index.name)) for index in chosen.indexes if not index.flat for row in rows)
    found = {
        index.name: PackageIndex(name=index.name, url=url, packages=index.packages)
        for index, url in public
        if url is not None
    }
    return tuple(found.values())
