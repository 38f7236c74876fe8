"""The formats that users meet, each with the type that defines it, as JSON Schema."""

import msgspec

from envkit.cli.commands.bundle_create import BundleCreated
from envkit.cli.commands.bundle_load import BundleLoaded
from envkit.cli.commands.environments import Listing, Removed
from envkit.cli.commands.explain import Page
from envkit.cli.commands.generate import Generated
from envkit.cli.commands.init import Initialised
from envkit.cli.commands.lock import LockReport
from envkit.cli.commands.matrix import RefreshReport
from envkit.cli.commands.matrix_diff import MatrixDifference
from envkit.cli.commands.matrix_sources import SourcesReport
from envkit.cli.commands.mirror import MirrorsShown, MirrorsTested
from envkit.cli.output import Failure
from envkit.data.checking import CheckReport
from envkit.model.bundle import Bundle
from envkit.model.diagnosis import Diagnosis
from envkit.model.environment import Environment, Report
from envkit.model.host import HostFacts
from envkit.model.image_build import BuildReport
from envkit.model.knowledge import FindingGroup, RemedyGroup, Systems, Thresholds
from envkit.model.matrix import Foundations
from envkit.model.mirrors import Mirrors
from envkit.model.package_manager import PackageManagers
from envkit.model.pipelines import PipelineTools
from envkit.model.plan import Plan
from envkit.model.project import Project, SourcesSettings
from envkit.model.project_lock import ProjectLock
from envkit.model.recipe import Recipe
from envkit.model.resolution import Resolution
from envkit.model.setup import SetupPlan
from envkit.model.shown import MatrixIndex, RecipeTable, VendorTable
from envkit.model.vendor import Vendor
from envkit.pipeline import Outcome
from envkit.project.difference import LockDifference
from envkit.project.drift import LockStatus
from envkit.project.outputs import Record

DIALECT = "https://json-schema.org/draft/2020-12/schema"

FILES: dict[str, type[msgspec.Struct]] = {
    "findings": FindingGroup,
    "foundations": Foundations,
    "mirrors": Mirrors,
    "package_managers": PackageManagers,
    "pipelines": PipelineTools,
    "recipe": Recipe,
    "remedies": RemedyGroup,
    "systems": Systems,
    "thresholds": Thresholds,
    "vendor": Vendor,
}
_FORMATS: tuple[type[msgspec.Struct], ...] = (
    BuildReport,
    Bundle,
    BundleCreated,
    BundleLoaded,
    CheckReport,
    Diagnosis,
    Environment,
    Failure,
    Generated,
    HostFacts,
    Initialised,
    Listing,
    LockDifference,
    LockReport,
    LockStatus,
    MatrixDifference,
    MatrixIndex,
    MirrorsShown,
    MirrorsTested,
    Outcome,
    Page,
    Plan,
    Project,
    ProjectLock,
    RecipeTable,
    Record,
    RefreshReport,
    Removed,
    Report,
    Resolution,
    SetupPlan,
    SourcesSettings,
    SourcesReport,
    VendorTable,
)


def schema_kinds() -> dict[str, type[msgspec.Struct]]:
    """Return every type that has a schema, by kind: `recipe` for a data file, `envkit-host-1` for `envkit-host/1`."""
    formats = {str(kind.__struct_config__.tag).replace("/", "-"): kind for kind in _FORMATS}
    return dict(sorted((FILES | formats).items()))


def schema_of(kind: str) -> dict[str, object]:
    """Return the JSON Schema of one of `schema_kinds`."""
    expected = schema_kinds()[kind]
    schema = {"$schema": DIALECT, "title": kind, **msgspec.json.schema(expected)}
    # Defaults are tuples of the types, and lists of JSON.
    decoded: dict[str, object] = msgspec.json.decode(msgspec.json.encode(schema))
    return decoded
