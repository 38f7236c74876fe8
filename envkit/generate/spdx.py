"""A bill of materials in SPDX 2.3, as JSON: https://spdx.github.io/spdx-spec/v2.3/."""

import re

import msgspec

from envkit.generate.materials import Material
from envkit.model.plan import Plan
from envkit.model.value import Value

_NOT_ASSERTED = "NOASSERTION"  # what a lock does not tell: licences, and where a file was fetched from
_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9.-]+")
_DOCUMENT = "SPDXRef-DOCUMENT"
_ENVIRONMENT = "SPDXRef-environment"


class _Checksum(Value, rename="camel"):
    algorithm: str
    checksum_value: str


class _Reference(Value, rename="camel"):
    reference_category: str
    reference_type: str
    reference_locator: str


class _Package(Value, rename="camel", omit_defaults=False):
    name: str
    identifier: str = msgspec.field(name="SPDXID")
    primary_package_purpose: str
    version_info: str | msgspec.UnsetType = msgspec.UNSET
    download_location: str = _NOT_ASSERTED
    files_analyzed: bool = False
    license_concluded: str = _NOT_ASSERTED
    license_declared: str = _NOT_ASSERTED
    copyright_text: str = _NOT_ASSERTED
    checksums: tuple[_Checksum, ...] = ()
    external_refs: tuple[_Reference, ...] = ()


class _Relationship(Value, rename="camel"):
    spdx_element_id: str
    relationship_type: str
    related_spdx_element: str


class _Creation(Value):
    created: str
    creators: tuple[str, ...]


class _Document(Value, rename="camel"):
    spdx_version: str
    data_license: str
    identifier: str = msgspec.field(name="SPDXID")
    name: str
    document_namespace: str
    creation_info: _Creation
    packages: tuple[_Package, ...]
    relationships: tuple[_Relationship, ...]


def spdx_text(plan: Plan, materials: tuple[Material, ...], namespace: str, created: str) -> str:
    """Return the document; `created` is a time that follows from the plan, so that it gives the same bytes again."""
    packages = tuple(_package(material) for material in materials)
    document = _Document(
        spdx_version="SPDX-2.3",
        data_license="CC0-1.0",
        identifier=_DOCUMENT,
        name=plan.name,
        document_namespace=namespace,
        creation_info=_Creation(created=created, creators=("Tool: envkit",)),
        packages=(
            _Package(name=plan.name, identifier=_ENVIRONMENT, primary_package_purpose="CONTAINER"),
            *packages,
        ),
        relationships=(
            _Relationship(spdx_element_id=_DOCUMENT, relationship_type="DESCRIBES", related_spdx_element=_ENVIRONMENT),
            *(
                _Relationship(
                    spdx_element_id=_ENVIRONMENT, relationship_type=_RELATION[material.kind], related_spdx_element=item
                )
                for material, item in zip(materials, (package.identifier for package in packages), strict=True)
            ),
        ),
    )
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


_PURPOSE = {"python": "LIBRARY", "system": "LIBRARY", "image": "CONTAINER"}
_RELATION = {"python": "CONTAINS", "system": "CONTAINS", "image": "DESCENDANT_OF"}


def _package(material: Material) -> _Package:
    checksum = () if material.sha256 is None else (_Checksum(algorithm="SHA256", checksum_value=material.sha256),)
    locator = _Reference(reference_category="PACKAGE-MANAGER", reference_type="purl", reference_locator=material.purl)
    return _Package(
        name=material.name,
        identifier=f"SPDXRef-{_NOT_IN_IDS.sub('-', f'{material.kind}-{material.name}')}",
        version_info=material.version or msgspec.UNSET,
        primary_package_purpose=_PURPOSE[material.kind],
        checksums=checksum,
        external_refs=(locator,),
    )
