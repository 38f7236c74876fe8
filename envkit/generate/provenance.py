"""How an image came about: an in-toto statement with SLSA provenance, https://slsa.dev/spec/v1.0/provenance.

It names no time, machine or user, so that the same lock gives the same statement.
"""

from typing import Any

import msgspec

from envkit.generate.materials import Material
from envkit.model.plan import Plan

PROVENANCE_TYPE = "application/vnd.in-toto+json"
_STATEMENT = "https://in-toto.io/Statement/v1"
_PREDICATE = "https://slsa.dev/provenance/v1"
# What kind of build it is, and who answers for it: names that mean something to envkit alone.
_BUILD_TYPE = "https://envkit.dev/build/plan/v1"
_BUILDER = "https://envkit.dev/envkit"


def provenance_text(
    plan: Plan, materials: tuple[Material, ...], *, image: str, digest: str, builder: str, version: str
) -> str:
    """Return the statement about an image; `digest` is `sha256:…`, `version` envkit's own."""
    statement: dict[str, Any] = {
        "_type": _STATEMENT,
        "subject": [{"name": image, "digest": {"sha256": digest.removeprefix("sha256:")}}],
        "predicateType": _PREDICATE,
        "predicate": {
            "buildDefinition": {
                "buildType": _BUILD_TYPE,
                "externalParameters": {
                    "name": plan.name,
                    "profile": plan.profile,
                    "vendor": plan.vendor,
                    "variant": plan.variant,
                    "python": plan.python,
                    "platform": plan.platform,
                    "lock": {"sha256": plan.lock.sha256},
                },
                "internalParameters": {"builder": builder},
                "resolvedDependencies": [_dependency(material) for material in materials],
            },
            "runDetails": {"builder": {"id": _BUILDER, "version": {"envkit": version}}},
        },
    }
    return msgspec.json.format(msgspec.json.encode(statement), indent=2).decode() + "\n"


def _dependency(material: Material) -> dict[str, object]:
    digest = {} if material.sha256 is None else {"digest": {"sha256": material.sha256}}
    return {"uri": material.purl, **digest}
