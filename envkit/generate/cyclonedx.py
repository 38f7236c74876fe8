"""A bill of materials in CycloneDX 1.6, as JSON: https://cyclonedx.org/docs/1.6/json/."""

from typing import TYPE_CHECKING
from uuid import UUID

from envkit.generate.materials import Material
from envkit.model.plan import Plan

if TYPE_CHECKING:
    from cyclonedx.model.component import Component


def cyclonedx_text(plan: Plan, materials: tuple[Material, ...], serial: UUID) -> str:
    """Return the document; it bears no time, so that the same plan gives the same bytes."""
    # Imported here: only this needs the library, which takes 100 ms.
    from cyclonedx.model.bom import Bom, BomMetaData
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.output.json import JsonV1Dot6

    root = Component(name=plan.name, type=ComponentType.CONTAINER, bom_ref="environment")
    metadata = BomMetaData(component=root)
    metadata.timestamp = None  # type: ignore[assignment]  # optional in the format, and the library's default is now
    bom = Bom(serial_number=serial, metadata=metadata)
    components = [_component(material) for material in materials]
    bom.components.update(components)
    bom.register_dependency(root, components)
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def _component(material: Material) -> "Component":
    from cyclonedx.model import HashAlgorithm, HashType
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    types = {"python": ComponentType.LIBRARY, "system": ComponentType.LIBRARY, "image": ComponentType.CONTAINER}
    hashes = [] if material.sha256 is None else [HashType(alg=HashAlgorithm.SHA_256, content=material.sha256)]
    return Component(
        name=material.name,
        version=material.version,
        type=types[material.kind],
        bom_ref=material.purl,
        purl=PackageURL.from_string(material.purl),
        hashes=hashes,
    )
