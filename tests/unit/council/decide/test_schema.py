"""The JSON Schema takes what the loader takes: every shipped file, random rules, and not what is misspelt.

Judged by the few keywords that it uses, spelt out here (JSON Schema 2020-12); `jsonschema` 4 gives the same verdicts.
"""

import random
import re
from typing import Any

import yaml

from concordat import canonical
from concordat.council.decide.rules import KEYS, Rule, shipped, shipped_names
from concordat.council.decide.schema import json_schema
from council_referee import random_rule

SCHEMA = json_schema()
TYPES = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
KNOWN = {
    "$schema", "$id", "$defs", "$ref", "type", "const", "enum", "pattern", "minimum", "minItems", "items", "required",
    "properties", "additionalProperties", "propertyNames", "oneOf", "allOf", "if", "then",
}  # fmt: skip


def valid(value: Any, schema: Any) -> bool:
    if schema is True or schema is False:
        return schema
    assert set(schema) <= KNOWN
    if "$ref" in schema and not valid(value, SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")]):
        return False
    kinds = schema.get("type", list(TYPES))
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if not any(isinstance(value, TYPES[k]) and (k == "boolean" or not isinstance(value, bool)) for k in kinds):
        return False
    if "const" in schema and value != schema["const"]:
        return False
    if value not in schema.get("enum", [value]):
        return False
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        return False
    if isinstance(value, int) and value < schema.get("minimum", value):
        return False
    if isinstance(value, list) and len(value) < schema.get("minItems", 0):
        return False
    if isinstance(value, list) and not all(valid(v, schema.get("items", True)) for v in value):
        return False
    if isinstance(value, dict) and not _valid_object(value, schema):
        return False
    if "oneOf" in schema and sum(valid(value, s) for s in schema["oneOf"]) != 1:
        return False
    if "if" in schema and valid(value, schema["if"]) and not valid(value, schema["then"]):
        return False
    return all(valid(value, s) for s in schema.get("allOf", []))


def _valid_object(value: dict[str, Any], schema: dict[str, Any]) -> bool:
    properties = schema.get("properties", {})
    other = schema.get("additionalProperties", True)
    return (
        set(schema.get("required", [])) <= set(value)
        and all(valid(key, schema.get("propertyNames", True)) for key in value)
        and all(valid(v, properties.get(key, other)) for key, v in value.items())
    )


def test_it_names_every_key() -> None:
    assert {key for keys in KEYS.values() for key in keys} <= set(SCHEMA["properties"])
    assert canonical.dumps(SCHEMA)


def test_it_takes_what_the_loader_takes() -> None:
    assert all(valid(shipped(name).to_value(), SCHEMA) for name in shipped_names())
    rng = random.Random("schema")
    for text in (random_rule(rng) for _ in range(100)):
        assert valid(yaml.load(text, Loader=yaml.BaseLoader), SCHEMA)
        assert valid(Rule.load(text).to_value(), SCHEMA)


def test_it_refuses_what_the_loader_refuses() -> None:
    good = shipped("qualified").to_value()
    for bad in (
        good | {"quorom": {}},
        good | {"hours": "24"},
        good | {"version": True},
        good | {"adopt": {"share": "members", "of": "all"}},
        good | {"adopt": {"share": "members", "at_least": "1/2", "at_most": "1"}},
        good | {"adopt": {"share": "members", "at_least": "55%"}},
        good | {"adopt": {"against": "g", "nobody": "objects"}},
        good | {"adopt": {"all_of": []}},
        {k: v for k, v in good.items() if k != "adopt"},
    ):
        assert not valid(bad, SCHEMA)
