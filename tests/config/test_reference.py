"""The commented example is the documentation, and both are made of the types."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import botocore
import pytest
import yaml

from teal.config.manual import markdown, paths
from teal.config.native_kinds import KINDS
from teal.config.schema import json_schema
from teal.config.source import example
from teal.config.tree import Kind

ROOT = Path(__file__).parents[2]
REFERENCE = example()["teal.yaml"]
COMMENTED = {"taste.cookie", "taste.ports", "taste.ports.a", "taste.ports.b"}  # they exclude `taste.header`
TYPES = {"integer": Kind.INTEGER, "boolean": Kind.BOOLEAN, "string": Kind.TEXT}
OPERATIONS = {"task_definition": "RegisterTaskDefinitionRequest", "service": "CreateServiceRequest"}


def written(value: object, path: str = "") -> set[str]:
    """Return the paths of all keys in a value, list entries as `[]`."""
    if isinstance(value, list):
        return {found for item in value for found in written(item, f"{path}[]")}
    if not isinstance(value, dict):
        return set()
    below = {f"{path}.{key}".lstrip("."): inner for key, inner in value.items()}
    return set(below) | {found for name, inner in below.items() for found in written(inner, name)}


def test_the_example_has_every_key() -> None:
    """Every key that the types know stands in the example, or beside it in a comment where another excludes it."""
    missing = set(paths()) - written(yaml.safe_load(REFERENCE))
    shared = {path for path in missing if re.match(r"slots\.[ab]\.|routes\[\]\.(create\.)?conditions\.", path)}
    assert missing - shared == COMMENTED
    assert all(f"# {name}:" in REFERENCE for name in ("cookie", "ports"))
    either = {re.sub(r"\.create\.conditions", ".conditions", path) for path in written(yaml.safe_load(REFERENCE))}
    assert {re.sub(r"\.create\.conditions", ".conditions", path) for path in shared} <= either


def test_the_manual_is_up_to_date_and_has_every_key() -> None:
    """docs/configuration.md is what the types say now, and each key has its meaning there."""
    text = markdown(example())
    assert (ROOT / "docs" / "configuration.md").read_text("utf-8") == text
    for path in paths():
        assert re.search(rf"^\| `{path.rpartition('.')[2]}` \| [^|]+ \| [^|]* \| [^|]+\. \|$", text, re.MULTILINE), path


def test_the_schema_describes_every_key_and_refuses_others() -> None:
    """Each mapping of the JSON Schema is closed, and each of its keys has a description."""
    schema = json_schema()
    for part in schema["$defs"].values():
        assert part["additionalProperties"] is False
        assert all(key.get("description") for key in part["properties"].values())
    assert schema["$defs"]["TealFile"]["required"][:2] == ["app", "region"]
    json.dumps(schema)


@pytest.mark.parametrize("name", KINDS)
def test_numbers_and_booleans_are_those_of_aws(name: str) -> None:
    """Each field in the table has the type that AWS's own model gives it."""
    folder = Path(botocore.__file__).parent / "data" / "ecs"
    packed = max(folder.glob("*/service-2.json.gz"))
    shapes = json.loads(gzip.decompress(packed.read_bytes()))["shapes"]
    wrong = {path: kind for path, kind in KINDS[name].items() if TYPES[_type(shapes, OPERATIONS[name], path)] != kind}
    assert wrong == {}


def _type(shapes: dict[str, Any], shape: str, path: str) -> str:
    for step in re.findall(r"\[\]|[^.\[\]]+", path):
        shape = shapes[shape]["member"]["shape"] if step == "[]" else shapes[shape]["members"][step]["shape"]
    return str(shapes[shape]["type"])
