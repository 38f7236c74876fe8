"""The compatibility matrix as the resolver reads it; the YAML files decode into the row types of this module."""

from typing import Literal

from envkit.model.host import Runtime
from envkit.model.package_manager import PackageManager
from envkit.model.provenance import Source
from envkit.model.recipe import BrokenRow, HostWindow, Recipe
from envkit.model.value import Value
from envkit.model.vendor import BaseRow, Vendor


class OsRow(Value):
    """What a release of a distribution brings, for targets that nobody recorded."""

    os: str
    version: str
    source: str
    libc: str | None = None
    python: str | None = None
    aliases: tuple[str, ...] = ()
    image_words: tuple[str, ...] = ()  # parts of image tags that mean it: bookworm, ubuntu22.04


class Foundations(Value):
    """`envkit/data/foundations.yaml`: bases, distributions, and the order in which Pythons are preferred."""

    sources: dict[str, Source]
    python_preference: tuple[str, ...]  # most wanted first; a Python that is not named comes last
    settle_days: int  # a younger release waits unless it is asked for
    bases: tuple[BaseRow, ...]
    distributions: tuple[OsRow, ...]
    stale_days: int | None = None  # users are told of data whose newest source is older; None: never
    # What the processor of a target can do, by its architecture: a target names devices and not its processor.
    target_features: dict[str, tuple[str, ...]] = {}


class Build(Value):
    """One installable build: a release in one variant from one index, for one processor architecture."""

    recipe: str
    release: str
    released: str
    variant: str
    vendor: str
    cpu_architecture: str
    package: str
    index: str  # name of the index: `default`, `wheelhouse`, `pytorch-cu126`
    pythons: tuple[str, ...]
    source: str
    index_url: str | None = None  # None for `default`
    index_packages: tuple[str, ...] = ()
    runtime: Runtime | None = None
    architectures: tuple[str, ...] | None = None
    ptx: tuple[str, ...] = ()
    libc: str | None = None
    system: Literal["linux", "darwin"] = "linux"
    extra: str | None = None
    requirements: tuple[str, ...] = ()
    companions: dict[str, str] = {}
    companion_pythons: dict[str, tuple[str, ...]] = {}  # of those that have wheels for fewer Pythons
    requires: dict[str, str] = {}  # of other recipes' packages
    cpu_level: str | None = None
    cpu_features: tuple[str, ...] = ()
    windows: tuple[HostWindow, ...] = ()
    broken: tuple[BrokenRow, ...] = ()  # those that cover it
    pins: dict[str, str] = {}
    label: str | None = None  # of its version on an own index; None: the variant
    image: str | None = None
    yanked: str | None = None


class Matrix(Value):
    """All that the resolver may know about the world, loaded for one request."""

    revision: str  # hash over the files it was read from
    newest_source: str  # ISO date
    foundations: Foundations
    recipes: tuple[Recipe, ...]
    vendors: tuple[Vendor, ...]
    package_managers: tuple[PackageManager, ...] = ()

    def recipe(self, name: str) -> Recipe | None:
        """Return the recipe with this name or alias."""
        return next((recipe for recipe in self.recipes if name == recipe.name or name in recipe.aliases), None)

    def vendor(self, name: str) -> Vendor | None:
        """Return the vendor with this name."""
        return next((vendor for vendor in self.vendors if vendor.name == name), None)

    def package_manager(self, name: str | None) -> PackageManager | None:
        """Return the package manager with this name."""
        return next((manager for manager in self.package_managers if manager.name == name), None)
