"""Locking as a function: what moves, what stays, what the lock names."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from envkit.data import load_matrix
from envkit.engines.protocol import Progress
from envkit.errors import (
    DriftError,
    ImageMissingError,
    LockError,
    LockFileError,
    NetworkError,
    RegistryError,
    UnsatisfiableError,
)
from envkit.lock.portable import make_portable
from envkit.model.host import Cpu, Device, HostFacts, Libc, OperatingSystem, Python, Stack
from envkit.model.image import RegistryImage
from envkit.model.lock import Lock, LockedFile, LockedPackage
from envkit.model.matrix import Matrix
from envkit.model.package_manager import PackageManager
from envkit.model.plan import SystemPackage
from envkit.model.project_lock import HostRange, ProjectLock
from envkit.model.request import Request
from envkit.model.resolution import Base, PackageIndex
from envkit.model.sources import PackageSources, Setting
from envkit.model.value import to_json
from envkit.project.base_images import ImageFinder
from envkit.project.difference import Side, compare_locks, describe_difference
from envkit.project.drift import Surroundings, find_drift
from envkit.project.holds import find_misfits
from envkit.project.keeping import Upgrade
from envkit.project.lock_files import read_profile_packages, read_project_lock, write_lock_files
from envkit.project.lock_inputs import Machines, ProfileInput, profile_input
from envkit.project.locked import locked_plan
from envkit.project.locking import Effects, LockedProject, Standing, lock_project
from envkit.project.reading import load_project
from envkit.project.system_packages import (
    Simulation,
    container_client,
    parse_listing,
    simulate_installation,
)
from envkit.project.wishes import Typed
from envkit.system.registry_names import parse_reference
from envkit.system.sources import read_sources

MakeWheel = Callable[..., Path]
INDEX_DIGEST = "sha256:" + "d" * 64
PROJECT = """\
format: envkit/1
name: mine
recipes: [xgboost]
system_packages: [git]
profiles:
  cpu: {on: cpu}
  gpu: {target: "a100, driver=570.124.06"}
sources: {wheelhouse: wheels}
"""


class SilentReporter:
    terminal = False

    def stage(self, label: str, text: str) -> None:
        pass

    def note(self, text: str) -> None:
        pass

    def progress(self, progress: Progress) -> None:
        pass

    def confirm(self, question: str) -> bool:  # noqa: ARG002 - nobody is asked
        return False

    def new_log(self) -> str:
        raise AssertionError


class Site:
    """A project in a directory, locked with the wheels in it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.matrix: Matrix = load_matrix(("xgboost",))
        self.digest = INDEX_DIGEST
        self.simulated: list[Simulation] = []
        self.images: list[str] = []
        self.git = "1:2.39.5-0+deb12u2"

    def inputs(self, *, as_of: str = "2026-11-22", **environment: str) -> tuple[ProfileInput, ...]:
        file = load_project(self.directory / "envkit.yaml")
        sources = read_sources(
            environment, home=str(self.directory), project=file.project.sources, offline=True, system="/nonexistent"
        )
        typed = Typed(request=Request(specs=(), as_of=as_of))
        machines = Machines(recorded=lambda _: HostFacts(), here=HostFacts)
        names = sorted(file.project.profiles)
        return tuple(profile_input(file, name, typed, sources, machines) for name in names)

    def find(self, image: str) -> RegistryImage:
        self.images.append(image)
        if "3.11" in image:
            raise ImageMissingError(image)
        platforms = {"linux/amd64": "sha256:" + "e" * 64, "linux/arm64": "sha256:" + "f" * 64}
        return RegistryImage(reference=parse_reference(image), digest=self.digest, media_type="", platforms=platforms)

    def simulate(self, simulation: Simulation) -> tuple[SystemPackage, ...]:
        self.simulated.append(simulation)
        return tuple(SystemPackage(name=name, version=self.git) for name in simulation.names)

    def lock(
        self,
        inputs: tuple[ProfileInput, ...] | None = None,
        *,
        upgrade: Upgrade | None = None,
        system_packages: bool = True,
        offline: bool = False,
    ) -> LockedProject:
        before = read_project_lock(self.directory)
        standing = {
            profile.name: Standing(profile=profile, packages=read_profile_packages(self.directory, profile))
            for profile in (before.profiles if before is not None else ())
        }
        made = lock_project(
            self.inputs() if inputs is None else inputs,
            standing,
            before=before,
            directory=self.directory,
            matrix=self.matrix,
            upgrade=upgrade or Upgrade(),
            effects=Effects(
                reporter=SilentReporter(),
                find_image=(lambda _: None) if offline else self.find,
                simulate=self.simulate if system_packages else None,
                offline=offline,
            ),
        )
        write_lock_files(self.directory, made.lock, made.packages)
        return made

    def texts(self) -> dict[str, str]:
        paths = sorted(self.directory.glob("*lock*"))
        return {path.name: path.read_text(encoding="utf-8") for path in paths}


def make_site(directory: Path, make_wheel: MakeWheel) -> Site:
    wheels = directory / "wheels"
    for name in ("xgboost", "xgboost-cpu"):
        make_wheel(wheels, name, "3.2.0", ("tiny>=1",), tag="py3-none-manylinux_2_28_x86_64")
    make_wheel(wheels, "tiny", "1.0")
    for name in ("numpy", "scipy", "nvidia-nccl-cu12"):
        make_wheel(wheels, name, "1.26.4")
    (directory / "envkit.yaml").write_text(PROJECT, encoding="utf-8")
    return Site(directory)


@pytest.fixture
def site(tmp_path: Path, make_wheel: MakeWheel, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    directory = tmp_path / "project"
    directory.mkdir()
    return make_site(directory, make_wheel)


def test_lock_of_another_day_and_place_is_the_same(site: Site, tmp_path: Path, make_wheel: MakeWheel) -> None:
    site.lock()
    other_place = tmp_path / "elsewhere" / "else"
    other_place.mkdir(parents=True)
    other = make_site(other_place, make_wheel)
    other.lock(other.inputs(as_of="2027-03-01"))
    assert other.texts() == site.texts()
    assert "2027" not in "".join(other.texts().values())


def test_all_that_decides_a_container_is_in_the_lock(site: Site) -> None:
    lock = site.lock().lock
    gpu = lock.profile("gpu")
    assert gpu is not None
    assert gpu.base is not None
    assert gpu.base.digest == INDEX_DIGEST
    assert sorted(gpu.base.platforms) == ["linux/amd64", "linux/arm64"]
    assert gpu.system_packages == (SystemPackage(name="git", version=site.git),)
    assert gpu.holds.vendor == "nvidia"
    assert gpu.holds.driver is not None
    assert "sm_80" in (gpu.holds.architectures or ())
    assert (gpu.holds.cpu_architecture, gpu.holds.libc) == ("x86_64", None)
    assert lock.matrix.revision == site.matrix.revision
    assert lock.profile("cpu") is not None
    assert msgspec.json.decode(to_json(lock), type=ProjectLock) == lock


def test_digest_and_system_packages_stay_until_an_upgrade(site: Site) -> None:
    site.lock()
    before = site.texts()
    site.digest, site.git = "sha256:" + "a" * 64, "1:2.39.5-0+deb12u9"
    site.lock()
    assert site.texts() == before
    (site.directory / "envkit.yaml").write_text(
        PROJECT.replace("name: mine", "name: mine\npackages: [tiny]"), encoding="utf-8"
    )
    asked = len(site.simulated)
    changed = site.lock().lock.profile("cpu")
    assert changed is not None
    assert changed.base is not None
    assert (changed.base.digest, len(site.simulated)) == (INDEX_DIGEST, asked)
    moved = site.lock(upgrade=Upgrade(everything=True)).lock.profile("cpu")
    assert moved is not None
    assert moved.base is not None
    assert moved.base.digest == site.digest
    assert moved.system_packages == (SystemPackage(name="git", version=site.git),)


def test_where_no_server_may_be_asked_digest_and_system_packages_stay_even_on_an_upgrade(site: Site) -> None:
    site.lock()
    before = site.texts()
    site.simulated.clear()
    site.lock(upgrade=Upgrade(everything=True), offline=True)
    assert (site.texts(), site.simulated) == (before, [])


def test_what_no_server_could_be_asked_for_is_told_and_made_up_for_later(site: Site) -> None:
    with pytest.raises(LockError, match="without asking a server: git") as caught:
        site.lock(offline=True)
    assert "envkit lock --offline --no-system-packages" in caught.value.hints
    offline = site.lock(offline=True, system_packages=False)
    assert any(note.startswith("cpu: the base image is locked by its name alone") for note in offline.notes)
    assert site.lock(offline=True).lock == offline.lock
    whole = site.lock().lock.profile("cpu")
    assert whole is not None
    assert whole.base is not None
    assert (whole.base.digest, whole.system_packages) == (
        INDEX_DIGEST,
        (SystemPackage(name="git", version=site.git),),
    )


def test_system_packages_can_be_left_unlocked_and_locked_later(site: Site) -> None:
    without = site.lock(system_packages=False).lock.profile("cpu")
    assert without is not None
    assert (without.system_packages, site.simulated) == (None, [])
    locked = site.lock().lock.profile("cpu")
    assert locked is not None
    assert locked.system_packages is not None


def test_registry_that_fails_fails_the_profiles_with_all_their_names(site: Site) -> None:
    def find(_: str) -> RegistryImage:
        raise RegistryError("no answer")

    site.find = find  # type: ignore[method-assign]
    with pytest.raises(RegistryError, match="profile `cpu` cannot be locked") as caught:
        site.lock()
    assert caught.value.facts[-1] == "profile `gpu` neither: no answer"
    assert site.texts() == {}


def test_plan_of_a_lock_is_whole_and_the_same_wherever_the_project_lies(
    site: Site, tmp_path: Path, make_wheel: MakeWheel
) -> None:
    site.lock()
    inputs = {each.name: each for each in site.inputs()}
    plan = locked_plan(site.directory, inputs["gpu"], engine=None, elsewhere=True)
    assert plan.base is not None
    assert plan.base.digest == INDEX_DIGEST
    assert plan.system_packages == (SystemPackage(name="git", version=site.git),)
    assert {package.file.path for package in plan.lock.packages} == {
        str(site.directory / "wheels" / package.file.filename) for package in plan.lock.packages
    }
    other_place = tmp_path / "elsewhere"
    other_place.mkdir()
    other = make_site(other_place, make_wheel)
    other.lock()
    again = {each.name: each for each in other.inputs()}["gpu"]
    moved = locked_plan(other_place, again, engine="docker", elsewhere=True)
    assert (moved.fingerprint, moved.labels) == (plan.fingerprint, plan.labels)


def test_plan_of_a_lock_is_refused_on_a_machine_out_of_its_range(site: Site) -> None:
    site.lock()
    gpu = next(each for each in site.inputs() if each.name == "gpu")
    old = msgspec.structs.replace(gpu.facts, stacks=(Stack(vendor="nvidia", driver="450.36.06"),))
    with pytest.raises(UnsatisfiableError, match="not for this machine: gpu") as caught:
        locked_plan(site.directory, msgspec.structs.replace(gpu, facts=old), engine=None)
    assert caught.value.facts[0].startswith("driver: needs >=")


def test_plan_of_a_lock_is_refused_when_the_file_has_moved_on(site: Site) -> None:
    site.lock()
    (site.directory / "envkit.yaml").write_text(PROJECT.replace("[git]", "[git, curl]"), encoding="utf-8")
    cpu = site.inputs()[0]
    with pytest.raises(DriftError) as caught:
        locked_plan(site.directory, cpu, engine=None)
    assert caught.value.facts == ("system_packages: locked `git`, now `git curl`",)
    assert locked_plan(site.directory, cpu, engine=None, frozen=True).system_packages[0].name == "git"
    unknown = msgspec.structs.replace(cpu, name="none-such")
    with pytest.raises(DriftError, match="not in the lock: none-such"):
        locked_plan(site.directory, unknown, engine=None)


Change = Callable[[str], str]


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("pylock.cpu.toml", lambda text: text.replace("1.0", "1.1"), "was changed since it was written"),
        ("pylock.cpu.toml", None, "is missing"),
        ("envkit.lock", lambda text: text[:200], "is damaged"),
        ("envkit.lock", lambda text: text.replace('"pylock.cpu.toml"', '"../../etc/passwd"'), "foreign file"),
        ("envkit.lock", lambda text: text.replace("envkit-lock/1", "envkit-lock/9"), "is damaged"),
        ("envkit.lock", lambda text: text.replace('"name": "gpu"', '"name": "cpu"'), "twice or out of order"),
        ("envkit.lock", lambda text: text.replace('"envkit":', '"more": 1,\n"envkit":', 1), "is damaged"),
        ("envkit.lock", lambda text: text.replace("x86_64-manylinux", "../x"), "not a platform"),
        ("envkit.lock", lambda _: "<<<<<<< HEAD\n", "is damaged"),
        ("envkit.lock", lambda _: "[" * 100_000, "is damaged"),
        ("envkit.lock", None, "has no lock"),
    ],
)
def test_damaged_and_foreign_files_are_refused_with_their_names(
    site: Site, name: str, change: Change | None, told: str
) -> None:
    site.lock()
    path = site.directory / name
    text = path.read_text(encoding="utf-8")
    path.unlink()
    if change is not None:
        path.write_text(change(text), encoding="utf-8")
    with pytest.raises(LockFileError, match=told) as caught:
        locked_plan(site.directory, site.inputs()[0], engine=None)
    assert int(caught.value.status) == 8


def test_document_of_another_tool_is_refused_although_its_hash_is_in_the_lock(site: Site) -> None:
    lock = site.lock().lock
    path = site.directory / "pylock.cpu.toml"
    text = path.read_text(encoding="utf-8").replace('created-by = "envkit"', 'created-by = "pip"')
    path.write_text(text, encoding="utf-8")
    digest = hashlib.sha256(text.encode()).hexdigest()
    old = lock.profiles[0].packages.sha256
    lock_path = site.directory / "envkit.lock"
    lock_path.write_text(lock_path.read_text(encoding="utf-8").replace(old, digest), encoding="utf-8")
    with pytest.raises(LockFileError, match="not written by envkit"):
        locked_plan(site.directory, site.inputs()[0], engine=None)


def test_documents_are_those_of_pep_751(site: Site) -> None:
    import tomllib

    from packaging.pylock import Pylock

    site.lock()
    document = Pylock.from_dict(tomllib.loads((site.directory / "pylock.gpu.toml").read_text(encoding="utf-8")))
    assert {package.name for package in document.packages} >= {"xgboost", "tiny"}
    assert document.created_by == "envkit"


def file_of(url: str | None = None, path: Path | None = None) -> Lock:
    file = LockedFile(
        filename="alpha-1.0-py2.py3-none-any.whl",
        sha256="b" * 64,
        url=url,
        path=None if path is None else str(path),
    )
    package = LockedPackage(name="alpha", version="1.0", file=file)
    return Lock(python="3.12", platform="x86_64-manylinux_2_36", packages=(package,), pylock="", sha256="")


def own_index(url: str) -> tuple[PackageIndex, ...]:
    return (PackageIndex(name="own", url=url, packages=("alpha",)),)


PLACE = "packages/aa/bb/" + "c" * 60
GUESS = "https://files.pythonhosted.org/packages/py2.py3/a/alpha/alpha-1.0-py2.py3-none-any.whl"


@pytest.mark.parametrize(
    ("url", "used", "expected"),
    [
        (
            f"https://files.pythonhosted.org/{PLACE}/alpha.whl",
            None,
            f"https://files.pythonhosted.org/{PLACE}/alpha.whl",
        ),
        (
            f"https://user:word@mirror.example.com/pypi/{PLACE}/alpha-1.0-py2.py3-none-any.whl",
            None,
            f"https://files.pythonhosted.org/{PLACE}/alpha-1.0-py2.py3-none-any.whl",
        ),
        ("https://company.example.com/files/alpha.whl", None, GUESS),
        (
            "https://own.example.com/cu1/alpha.whl",
            "https://own.example.com/cu1",
            "https://own.example.com/cu1/alpha.whl",
        ),
        ("https://cdn.example.com/alpha.whl", "https://own.example.com/cu1", "https://cdn.example.com/alpha.whl"),
        (
            "https://mirror.example.com/w/alpha.whl",
            "https://mirror.example.com/w",
            "https://own.example.com/cu1/alpha.whl",
        ),
        (
            "https://else.example.com/alpha.whl",
            "https://mirror.example.com/w",
            "https://own.example.com/cu1/alpha-1.0-py2.py3-none-any.whl",
        ),
    ],
)
def test_addresses_in_a_lock_are_public_ones(tmp_path: Path, url: str, used: str | None, expected: str) -> None:
    public = () if used is None else own_index("https://own.example.com/cu1")
    mine = () if used is None else own_index(used)
    portable = make_portable(file_of(url), directory=tmp_path, indexes=public, used=mine)
    assert portable.lock.packages[0].file.url == expected
    assert "word" not in portable.lock.pylock
    assert portable.notes == ()


def test_wheel_beside_the_project_is_told_and_not_named(tmp_path: Path) -> None:
    outside = tmp_path / "outside" / "alpha-1.0-py2.py3-none-any.whl"
    portable = make_portable(file_of(path=outside), directory=tmp_path / "project", indexes=(), used=())
    assert portable.lock.packages[0].file.url == GUESS
    assert str(tmp_path) not in portable.lock.pylock
    assert portable.notes[0].startswith(f"taken from outside the project ({outside.parent}): alpha")


CPU = Cpu(architecture="x86_64", level="x86_64_v2")
GLIBC = OperatingSystem(system="linux", libc=Libc(family="glibc", version="2.28"))


@pytest.mark.parametrize(
    ("holds", "facts", "misfits"),
    [
        (HostRange(vendor="cpu"), HostFacts(), []),
        (HostRange(vendor="nvidia", driver=">=550"), HostFacts(), []),
        (HostRange(vendor="nvidia"), HostFacts(devices=()), ["device"]),
        (HostRange(vendor="nvidia"), HostFacts(devices=(Device(vendor="nvidia", usable=False),)), ["device"]),
        (
            HostRange(vendor="nvidia", driver=">=550,<581", architectures=("sm_80",)),
            HostFacts(
                devices=(Device(vendor="nvidia", architecture="sm_90"),),
                stacks=(Stack(vendor="nvidia", driver="581.1"),),
            ),
            ["device-architecture", "driver"],
        ),
        (HostRange(vendor="cpu", cpu_architecture="aarch64"), HostFacts(cpu=CPU), ["cpu-architecture"]),
        (HostRange(vendor="cpu", cpu_level="x86_64_v3"), HostFacts(cpu=CPU), ["cpu-level"]),
        (HostRange(vendor="cpu", libc="2.34"), HostFacts(os=GLIBC), ["glibc"]),
        (HostRange(vendor="cpu", libc="2.28"), HostFacts(os=GLIBC), []),
        (
            HostRange(vendor="cpu", python="3.1"),
            HostFacts(pythons=(Python(version="3.12.1", path="/usr/bin/python3"),)),
            ["python"],
        ),
    ],
)
def test_machine_is_in_the_range_unless_something_known_of_it_is_not(
    holds: HostRange, facts: HostFacts, misfits: list[str]
) -> None:
    assert [misfit.fact for misfit in find_misfits(holds, facts)] == misfits


def test_status_of_a_machine_with_an_older_driver_matters(site: Site) -> None:
    lock = site.lock().lock
    inputs = site.inputs()
    gpu = next(each for each in inputs if each.name == "gpu")
    facts = msgspec.structs.replace(gpu.facts, stacks=(Stack(vendor="nvidia", driver="450.36.06"),))
    around = Surroundings(directory=site.directory, facts=facts, fitting="gpu", matrix=site.matrix, environments=())
    status = find_drift(site.directory / "envkit.lock", lock, inputs, around)
    assert [(drift.subject, drift.profile, drift.matters) for drift in status.drifts] == [("host", "gpu", True)]
    assert "driver 450.36.06, locked for >=" in status.drifts[0].what
    assert {state.name: state.holds_here for state in status.profiles} == {"cpu": True, "gpu": False}


def side(lock: ProjectLock, packages: dict[str, Lock]) -> Side:
    return Side(title="lock", profiles={profile.name: profile for profile in lock.profiles}, packages=dict(packages))


def test_difference_names_digest_and_system_packages(site: Site) -> None:
    old = site.lock()
    site.digest, site.git = "sha256:" + "a" * 64, "1:2.40"
    new = site.lock(upgrade=Upgrade(everything=True))
    difference = compare_locks(side(old.lock, old.packages), side(new.lock, new.packages))
    assert describe_difference(difference).splitlines()[:4] == [
        "profile cpu",
        f"  ~ base digest {INDEX_DIGEST} -> {site.digest}",
        "  system packages",
        "    ~ git 1:2.39.5-0+deb12u2 -> 1:2.40",
    ]


def manager(name: str) -> PackageManager:
    found = load_matrix(()).package_manager(name)
    assert found is not None
    return found


def test_listing_of_apt_is_read() -> None:
    text = (
        "Inst libc6 [2.36-9+deb12u9] (2.36-9+deb12u10 Debian:12.11/stable [amd64]) [libc-bin:amd64 ]\n"
        "Inst git (1:2.39.5-0+deb12u2 Debian:12.11/stable [amd64])\n"
        "Conf git (1:2.39.5-0+deb12u2 Debian:12.11/stable [amd64])\n"
    )
    assert parse_listing(text, manager("apt")) == (
        SystemPackage(name="git", version="1:2.39.5-0+deb12u2"),
        SystemPackage(name="libc6", version="2.36-9+deb12u10"),
    )


# Printed by dnf 4.14 for `dnf --assumeno install tiny-a`, with two packages made for it.
DNF = """\
Dependencies resolved.
================================================================================
 Package                                       Arch   Version       Repo   Size
================================================================================
Installing:
 tiny-a                                        noarch 1:1.2.3-4.el9 local 5.5 k
Installing dependencies:
 tiny-dependency-with-a-name-that-is-really-long
                                               noarch 1:1.2.3-4.el9 local 5.5 k

Transaction Summary
================================================================================
Install  2 Packages

Total size: 11 k
Installed size: 0
Operation aborted.
"""
REMOVAL = """\
Removing:
 old-thing                  x86_64   1.0-1                    @System      10 k
"""


@pytest.mark.parametrize("name", ["dnf", "yum"])
def test_listing_of_dnf_is_read_with_architectures_and_without_what_is_removed(name: str) -> None:
    assert parse_listing(DNF + REMOVAL, manager(name)) == (
        SystemPackage(name="tiny-a", version="1:1.2.3-4.el9.noarch"),
        SystemPackage(name="tiny-dependency-with-a-name-that-is-really-long", version="1:1.2.3-4.el9.noarch"),
    )


@pytest.mark.engine
@pytest.mark.network
@pytest.mark.usefixtures("engine_ready")
def test_package_manager_of_the_image_tells_what_would_be_added() -> None:
    base = Base(image="python:3.11-slim-bookworm")
    simulation = Simulation(
        base=base, platform="linux/amd64", manager=manager("apt"), names=("hello", "ca-certificates")
    )
    found = simulate_installation(simulation, container_client(), PackageSources())
    assert [package.name for package in found] == ["hello"]  # the other is in the image
    assert re.fullmatch(r"2\.\d.*", found[0].version or "")
    mirrors = {"deb.debian.org": Setting(value="http://mirror.invalid/debian", origin="test")}
    away = msgspec.structs.replace(simulation, base=msgspec.structs.replace(base, os="debian-12"))
    with pytest.raises(NetworkError) as unreachable:
        simulate_installation(away, container_client(), PackageSources(mirrors=mirrors))
    assert any("mirror.invalid" in fact for fact in unreachable.value.facts)
    nothing = msgspec.structs.replace(simulation, names=("no-such-package-anywhere",))
    with pytest.raises(LockError, match="cannot be installed together") as caught:
        simulate_installation(nothing, container_client(), PackageSources())
    assert any("no-such-package-anywhere" in fact for fact in caught.value.facts)


def test_registry_that_cannot_be_asked_is_told_for_each_image_and_offline_no_server_is_asked() -> None:
    sources = PackageSources(mirrors={"silent.invalid": Setting(value="http://127.0.0.1:9", origin="test")})
    finder = ImageFinder(sources, HostFacts)
    for image in ("silent.invalid/a:1", "silent.invalid/b:1"):
        with pytest.raises(RegistryError, match=f"cannot be had: {image}"):
            finder(image)
    assert ImageFinder(PackageSources(offline=True), HostFacts)("python:3") is None
