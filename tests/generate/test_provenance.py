"""Provenance: an in-toto statement about one image, the same for the same plan."""

import json
from collections.abc import Callable

from envkit.generate.materials import list_materials
from envkit.generate.provenance import provenance_text
from envkit.model.plan import Plan

DIGEST = "sha256:" + "a" * 64


def test_the_statement_names_the_image_and_all_that_it_was_made_of(container_plan: Callable[..., Plan]) -> None:
    plan = container_plan()
    materials = list_materials(plan)
    text = provenance_text(plan, materials, image="demo:1", digest=DIGEST, builder="buildx", version="1.2")
    statement = json.loads(text)
    assert (statement["_type"], statement["predicateType"]) == (
        "https://in-toto.io/Statement/v1",
        "https://slsa.dev/provenance/v1",
    )
    assert statement["subject"] == [{"name": "demo:1", "digest": {"sha256": "a" * 64}}]
    definition = statement["predicate"]["buildDefinition"]
    assert [row["uri"] for row in definition["resolvedDependencies"]] == [material.purl for material in materials]
    assert definition["externalParameters"]["lock"] == {"sha256": plan.lock.sha256}
    assert "mirror.example.com" not in text
    assert text == provenance_text(plan, materials, image="demo:1", digest=DIGEST, builder="buildx", version="1.2")
