"""The JSON Schemas: every bundled file and what commands print validate against them."""

import json
from pathlib import Path

import jsonschema
import pytest

from envkit.cli.schemas import FILES, schema_kinds, schema_of
from envkit.data import load_document

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "envkit" / "data"
PLACES = {
    "findings": sorted((DATA / "findings").glob("*.yaml")),
    "foundations": [DATA / "foundations.yaml"],
    "mirrors": [DATA / "mirrors.yaml"],
    "package_managers": [DATA / "package_managers.yaml"],
    "pipelines": [DATA / "pipelines.yaml"],
    "recipe": sorted((ROOT / "recipes").glob("*.yaml")),
    "remedies": sorted((DATA / "remedies").glob("*.yaml")),
    "systems": [DATA / "systems.yaml"],
    "thresholds": [DATA / "thresholds.yaml"],
    "vendor": sorted((DATA / "vendors").glob("*.yaml")),
}


def validate(value: object, kind: str) -> None:
    jsonschema.Draft202012Validator(schema_of(kind)).validate(value)


@pytest.mark.parametrize("kind", schema_kinds())
def test_every_schema_is_one_and_is_in_the_docs(kind: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema_of(kind))
    assert json.loads((ROOT / "docs" / "reference" / "schemas" / f"{kind}.json").read_text()) == schema_of(kind)


@pytest.mark.parametrize("kind", FILES)
def test_every_bundled_file_fits_its_schema(kind: str) -> None:
    assert PLACES[kind]
    for path in PLACES[kind]:
        validate(load_document(path.read_text(), path.name), kind)


def test_an_unknown_key_does_not_fit() -> None:
    value = load_document((ROOT / "recipes" / "jax.yaml").read_text(), "jax.yaml")
    assert isinstance(value, dict)
    with pytest.raises(jsonschema.ValidationError, match="titel"):
        validate(value | {"titel": "x"}, "recipe")


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("envkit-host-1", ("detect", "--json")),
        ("envkit-resolution-1", ("resolve", "jax", "--target", "cpu", "--json")),
        ("envkit-diagnosis-1", ("doctor", "--json")),
        ("envkit-list-1", ("ls", "--json")),
        ("envkit-error-1", ("resolve", "nonsense", "--json")),
        ("envkit-matrix-1", ("matrix", "show", "--json")),
        ("envkit-matrix-recipe-1", ("matrix", "show", "jax", "--json")),
        ("envkit-matrix-vendor-1", ("matrix", "show", "amd", "--json")),
        ("envkit-setup-1", ("host", "setup", "--json")),
    ],
)
def test_what_commands_print_fits_its_schema(home, kind: str, arguments: tuple[str, ...]) -> None:
    validate(home.run(*arguments).json, kind)


def test_the_command_lists_and_prints_schemas(home) -> None:
    assert home.run("matrix", "schema").stdout.split() == list(schema_kinds())
    assert home.run("matrix", "schema", "envkit-host/1").json == schema_of("envkit-host-1")
    ended = home.run("matrix", "schema", "recpie")
    assert (ended.status, "did you mean `recipe`?" in ended.stderr) == (2, True)
