"""Prints, as a JSON list, the path of every field that google-genai can send with generate_content or count_tokens.

What the SDK sends is written in its converters `_X_to_mldev`, which are read here as source: which name they set,
on which object, from which field. Where a converter passes a field on as it is, the field's own type tells the rest.
"""

import ast
import inspect
import json
import re
import typing

import pydantic
from google.genai import models, types

CONVERTER = re.compile(r"_(\w+)_to_mldev")
SOURCE = {
    node.name: node for node in ast.parse(inspect.getsource(models)).body if isinstance(node, ast.FunctionDef)
}
ROOTS = ["_GenerateContentParameters_to_mldev", "_CountTokensParameters_to_mldev"]


def calls(node, wanted):
    """The calls beneath a node of the functions whose name `wanted` says."""
    found = (call for call in ast.walk(node) if isinstance(call, ast.Call) and isinstance(call.func, ast.Name))
    return [call for call in found if wanted(call.func.id)]


def names(node):
    return [element.value for element in node.elts]


def wire_name(model, name):
    return model.model_fields[name].alias or re.sub(r"_(.)", lambda match: match[1].upper(), name)


def of_type(annotation, path, above):
    """The paths beneath a field that is sent as its type has it."""
    for inner in typing.get_args(annotation):
        yield from of_type(inner, path + "[]" if typing.get_origin(annotation) is list else path, above)
    if inspect.isclass(annotation) and issubclass(annotation, pydantic.BaseModel) and annotation not in above:
        for name, field in annotation.model_fields.items():
            inner = f"{path}.{wire_name(annotation, name)}"
            yield inner
            yield from of_type(field.annotation, inner, above | {annotation})


def of_converter(converter, path, parent):
    """The paths that a converter sets, on its own object at `path` or on the one around it at `parent`."""
    name = CONVERTER.fullmatch(converter)[1]
    model = getattr(types, name, None) or getattr(types, f"_{name}")
    for call in calls(SOURCE[converter], lambda called: called == "setv"):
        target, keys, value = call.args
        base = parent if target.id == "parent_object" else path
        if names(keys)[0].startswith("_"):
            continue  # Part of the URL or the query.
        field = ".".join(filter(None, [base, *names(keys)]))
        yield field
        nested = calls(value, CONVERTER.fullmatch)
        if nested:
            inner = field + "[]" if isinstance(value, ast.ListComp) else field
            yield from of_converter(nested[0].func.id, inner, path)
            continue
        source = calls(value, lambda called: called == "getv")
        if source:
            yield from of_type(model.model_fields[names(source[0].args[1])[0]].annotation, field, frozenset())


print(json.dumps(sorted({path for root in ROOTS for path in of_converter(root, "", "")})))
