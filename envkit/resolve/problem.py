"""The question that is solved: the four inputs together, with every name in the request found in the matrix."""

from difflib import get_close_matches

from msgspec.structs import replace

from envkit.errors import BadSpecError, UnknownRecipeError, UsageError
from envkit.model.availability import Availability
from envkit.model.host import HostFacts
from envkit.model.matrix import Matrix
from envkit.model.recipe import Recipe
from envkit.model.request import Mode, Request, Spec
from envkit.model.reserved import CPU, DEFAULT_INDEX, WHEELHOUSE_INDEX
from envkit.model.value import Value
from envkit.resolve.spec import named_package
from envkit.resolve.versions import parse_range

# What wheels are looked for when the processor of the host is not known; a check says that it was assumed.
ASSUMED_ARCHITECTURE = "x86_64"
_SPELLINGS = {"amd64": "x86_64", "arm64": "aarch64"}


class Problem(Value):
    """Everything that one resolution depends on."""

    facts: HostFacts
    request: Request
    matrix: Matrix
    availability: Availability

    @property
    def mode(self) -> Mode:
        """Where packages go: as asked for, else into a container where an engine is usable, else onto the host."""
        if self.request.mode is not None:
            return self.request.mode
        if self.request.base_image is not None:
            return Mode.CONTAINER
        if self.request.engine is not None:
            return Mode.NATIVE if self.request.engine == "native" else Mode.CONTAINER
        usable = any(engine.usable for engine in self.facts.engines or ())
        return Mode.CONTAINER if usable and not self._native_only else Mode.NATIVE

    @property
    def _native_only(self) -> bool:
        """Whether the host has accelerators and no container of envkit's reaches any of them."""
        names = {device.vendor for device in self.facts.devices or () if device.usable is not False}
        if self.request.on is not None:
            names &= {self.request.on}
        tables = [vendor for name in names if (vendor := self.matrix.vendor(name)) is not None]
        return bool(tables) and all(vendor.native_only or vendor.image_driver for vendor in tables)

    @property
    def system(self) -> str:
        """The operating system that packages are installed under: `linux` in a container, and where it is not known."""
        system = self.facts.os
        return "linux" if self.mode is Mode.CONTAINER or system is None else system.system

    def vendor_title(self, name: str) -> str:
        """Return a vendor's name as people write it, or the name itself where the matrix has no tables for it."""
        vendor = self.matrix.vendor(name)
        return name if vendor is None else vendor.title

    @property
    def cpu_architecture(self) -> str:
        """The processor architecture as wheels spell it."""
        if self.facts.cpu is None:
            return ASSUMED_ARCHITECTURE
        return _SPELLINGS.get(self.facts.cpu.architecture.lower(), self.facts.cpu.architecture)


class Want(Value):
    """One spec of the request with its recipe."""

    position: int
    spec: Spec
    recipe: Recipe
    implied: bool = False  # nobody asked for it: another recipe requires it, and it matters which build is taken


def find_wants(problem: Problem) -> tuple[Want, ...]:
    """Find the recipe of every spec, and behind them the recipes that they require and that have several vendors.

    Raises `UnknownRecipeError`, and `BadSpecError` for a bad extra or range.
    """
    named = frozenset(map(named_package, problem.request.packages))
    asked = tuple(
        _find_want(position, spec, problem.matrix, named) for position, spec in enumerate(problem.request.specs)
    )
    implied = _required_recipes(asked, problem.matrix)
    return (
        *asked,
        *(
            Want(position=position, spec=Spec(recipe=recipe.name), recipe=recipe, implied=True)
            for position, recipe in enumerate(implied, start=len(asked))
        ),
    )


def check_vendor_name(problem: Problem) -> None:
    """Raise `UsageError` when the request names a vendor that nothing in the matrix or on the host has."""
    asked = problem.request.on
    known = {CPU, *(vendor.name for vendor in problem.matrix.vendors)}
    known |= {row.vendor for recipe in problem.matrix.recipes for row in recipe.variants}
    known |= {device.vendor for device in problem.facts.devices or ()}
    if asked is not None and asked not in known:
        message = f"no vendor has this name: {asked}"
        raise UsageError(message, hints=_near(asked, known))


def check_index_name(problem: Problem, wants: tuple[Want, ...]) -> None:
    """Raise `UsageError` when the request keeps to an index that no recipe of it has."""
    asked = problem.request.only_index
    if asked is None:
        return
    known = {DEFAULT_INDEX, WHEELHOUSE_INDEX} | {name for want in wants for name in index_names(want.recipe)}
    if asked not in known:
        message = f"no recipe of the request has builds on an index of this name: {asked}"
        near = _near(asked, known)
        raise UsageError(message, hints=near or (f"one of {', '.join(f'`{name}`' for name in sorted(known))}",))


def check_doubt(problem: Problem, wants: tuple[Want, ...]) -> None:
    """Raise `UsageError` when the request asks about builds of a recipe that is no part of it."""
    doubt = problem.request.why_not
    if doubt is None:
        return
    known = {name for want in wants for name in (want.recipe.name, *want.recipe.aliases)}
    if doubt.spec.recipe not in known:
        message = f"`--why-not` asks about a recipe that the request does not have: {doubt.spec.recipe}"
        raise UsageError(message, hints=_near(doubt.spec.recipe, known) or (f"one of {', '.join(sorted(known))}",))
    parse_range(doubt.spec.range)


def index_names(recipe: Recipe) -> frozenset[str]:
    """Return the names of a recipe's own indexes."""
    variants = {variant for release in recipe.releases for variant in release.indexed}
    shared = {row.name.replace("{variant}", name) for row in recipe.indexes if not row.own for name in variants}
    placed = {row.index for row in recipe.variants if row.index not in {None, DEFAULT_INDEX}}
    return frozenset(shared | {name for name in placed if name is not None})


def _required_recipes(asked: tuple[Want, ...], matrix: Matrix) -> tuple[Recipe, ...]:
    """Return the recipes whose main package others require, in one order; a package for one vendor alone is the lock's.

    What a recipe pins as a companion it has an index for already.
    """
    named = {want.recipe.package for want in asked}
    required = {package for want in asked for release in want.recipe.releases for package in release.requires}
    found = (recipe for recipe in matrix.recipes if recipe.package in required - named)
    several = (recipe for recipe in found if len({row.vendor for row in recipe.variants}) > 1)
    return tuple(sorted(several, key=lambda recipe: recipe.name))


def _find_want(position: int, spec: Spec, matrix: Matrix, packages: frozenset[str | None]) -> Want:
    """Find the recipe of a spec; a companion among the further packages is asked for as by its extra.

    Else it would come from whatever index has it, built against another main package than the chosen one.
    """
    recipe = matrix.recipe(spec.recipe)
    if recipe is None:
        names = {name for recipe in matrix.recipes for name in (recipe.name, *recipe.aliases)}
        message = f"no recipe has this name: {spec.recipe}"
        raise UnknownRecipeError(message, hints=_near(spec.recipe, names))
    known = {companion.extra for companion in recipe.companions}
    for extra in spec.extras:
        if extra not in known:
            message = f"the recipe `{recipe.name}` has no such extra: {extra}"
            raise BadSpecError(message, hints=_near(extra, known))
    parse_range(spec.range)
    further = tuple(row.extra for row in recipe.companions if row.package in packages and row.extra not in spec.extras)
    return Want(position=position, spec=replace(spec, extras=(*spec.extras, *further)), recipe=recipe)


def _near(text: str, known: set[str]) -> tuple[str, ...]:
    return tuple(f"did you mean `{name}`?" for name in get_close_matches(text, sorted(known), n=3, cutoff=0.5))
