"""Checks requests to BigQuery, and the answers that our doubles give, against Google's own discovery document."""

import json
import re
import sys
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import googleapiclient

DOCUMENT = Path(googleapiclient.__path__[0]) / "discovery_cache/documents/bigquery.v2.json"
DISCOVERY = json.loads(DOCUMENT.read_text())
KINDS = {"string": str, "boolean": bool, "array": list, "object": dict, "integer": int, "number": (int, float)}


def methods(resource):
    yield from resource.get("methods", {}).values()
    for below in resource.get("resources", {}).values():
        yield from methods(below)


def fits(value, schema, where):
    """Fails where a value is not what the schema says, or has a field that it does not know."""
    if "$ref" in schema:
        schema = DISCOVERY["schemas"][schema["$ref"]]
    kind = schema["type"]
    if kind == "any":
        return
    assert isinstance(value, KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool)), f"{where}: {value}"
    if kind == "array":
        for index, item in enumerate(value):
            fits(item, schema["items"], f"{where}[{index}]")
    if kind == "object":
        for name, field in value.items():
            known = schema.get("properties", {}).get(name, schema.get("additionalProperties"))
            assert known, f"{where} has no {name}"
            fits(field, known, f"{where}.{name}")


def method_of(verb, path):
    for method in methods(DISCOVERY):
        template = re.sub(r"\{\+?\w+\}", "[^/]+", method["path"])
        if method["httpMethod"] == verb and re.fullmatch("/" + DISCOVERY["servicePath"] + template, path):
            return method
    raise AssertionError(f"there is no {verb} {path}")


for call in json.load(sys.stdin):
    url = urlsplit(call["url"])
    method = method_of(call["method"], url.path)
    for name, value in parse_qsl(url.query, strict_parsing=True) if url.query else []:
        parameter = {**DISCOVERY["parameters"], **method["parameters"]}.get(name)
        assert parameter, f"{method['id']} has no parameter {name}"
        assert parameter["type"] != "integer" or value.isdigit(), f"{name}={value}"
    assert ("request" in method) == (call["request"] is not None), method["id"]
    if call["request"] is not None:
        fits(call["request"], method["request"], method["id"])
    fits(call["answer"], method["response"], f"{method['id']} answers")
