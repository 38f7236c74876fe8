"""Bills of materials of an environment, in CycloneDX and in SPDX."""

from uuid import NAMESPACE_URL, uuid5

from envkit.generate.cyclonedx import cyclonedx_text
from envkit.generate.materials import Material, list_materials
from envkit.generate.spdx import spdx_text
from envkit.model.artifact import GeneratedFile
from envkit.model.plan import Plan
from envkit.model.value import to_line

# SPDX demands a time. It is that of everything in the image, see `envkit.generate.image.SOURCE_DATE_EPOCH`.
_CREATED = "1980-01-02T00:00:00Z"


def generate_files(plan: Plan) -> tuple[GeneratedFile, ...]:
    """Return both bills; raises `UnsafeTextError` for a name or version that holds control characters."""
    materials = list_materials(plan)
    serial = uuid5(NAMESPACE_URL, _identity(plan, materials))
    return (
        GeneratedFile(path="sbom.cdx.json", text=cyclonedx_text(plan, materials, serial)),
        GeneratedFile(path="sbom.spdx.json", text=spdx_text(plan, materials, f"urn:uuid:{serial}", _CREATED)),
    )


def _identity(plan: Plan, materials: tuple[Material, ...]) -> str:
    """Return what is the same for equal contents: a bill of other contents has another number."""
    return "\n".join((plan.name, plan.platform, to_line(materials)))
