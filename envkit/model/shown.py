"""What `envkit matrix show` prints: rows of the matrix, joined as the resolver joins them."""

from envkit.model.host import Runtime
from envkit.model.value import Value


class ShownRecipe(Value):
    """One recipe in the list of all."""

    name: str
    title: str
    newest: str | None  # release
    oldest: str | None
    releases: int
    vendors: tuple[str, ...]
    retrieved: str  # ISO date of the newest source
    files: tuple[str, ...]


class ShownVendor(Value):
    """One vendor in the list of all."""

    name: str
    title: str
    runtime: str | None
    models: int  # names of devices
    recipes: tuple[str, ...]  # that have builds for it
    retrieved: str
    files: tuple[str, ...]


class MatrixIndex(Value, tag_field="format", tag="envkit-matrix/1"):
    """All recipes and vendors."""

    revision: str
    newest_source: str  # ISO date
    recipes: tuple[ShownRecipe, ...]
    vendors: tuple[ShownVendor, ...]


class ShownBuild(Value):
    """One build of a release, for one or more processor architectures."""

    release: str
    released: str
    variant: str
    vendor: str
    index: str
    cpu_architectures: tuple[str, ...]
    pythons: tuple[str, ...]
    source: str
    origins: tuple[str, ...]  # files in which the release's and the variant's row were written
    runtime: Runtime | None = None
    driver_floor: str | None = None  # None: none is known
    architectures: tuple[str, ...] | None = None  # of devices; None: not known
    ptx: tuple[str, ...] = ()
    yanked: str | None = None


class RecipeTable(Value, tag_field="format", tag="envkit-matrix-recipe/1"):
    """The builds of one recipe, newest release first."""

    recipe: str
    title: str
    package: str
    files: tuple[str, ...]
    builds: tuple[ShownBuild, ...]


class ShownArchitecture(Value):
    """One device architecture of a vendor."""

    architecture: str
    models: tuple[str, ...]
    origins: tuple[str, ...]
    generation: str | None = None
    first_driver: str | None = None
    last_driver: str | None = None
    first_runtime: str | None = None
    last_runtime: str | None = None


class ShownFloor(Value):
    """The oldest driver for a runtime."""

    runtime: str  # `12` for every 12.x, `12.8` for exactly that one
    driver: str
    origin: str
    exact: bool  # it implements the runtime itself; otherwise it serves it by minor-version compatibility


class ShownRecipeOfVendor(Value):
    """What a recipe has for a vendor."""

    recipe: str
    newest: str
    oldest: str
    variants: tuple[str, ...]


class VendorTable(Value, tag_field="format", tag="envkit-matrix-vendor/1"):
    """The devices, drivers and builds of one vendor."""

    vendor: str
    title: str
    files: tuple[str, ...]
    architectures: tuple[ShownArchitecture, ...]
    floors: tuple[ShownFloor, ...]
    recipes: tuple[ShownRecipeOfVendor, ...]
