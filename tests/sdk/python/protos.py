"""Parses requests with Google's own protos, so that a field Gemini does not know cannot hide.

Reads JSON Lines `{"path", "body"}` from stdin and prints `ok PATH` or `not ok PATH: WHY` for each.
"""

import json
import sys

from google.ai.generativelanguage_v1beta import types
from google.protobuf import json_format

MESSAGES = {
    "countTokens": types.CountTokensRequest,
    "generateContent": types.GenerateContentRequest,
    "streamGenerateContent": types.GenerateContentRequest,
}

# Fields that Gemini documents and that the released protos (0.12.1) lack: where they stand, and how they are known.
NEWER = {
    "generationConfig.thinkingConfig.thinkingLevel": "replaces thinkingBudget since Gemini 3; google-genai has it",
}


def without(value, path):
    """The value less the field at `path`, whether or not it is there."""
    name, _, rest = path.partition(".")
    if not isinstance(value, dict) or name not in value:
        return value
    if not rest:
        return {key: field for key, field in value.items() if key != name}
    return {**value, name: without(value[name], rest)}


def has(descriptor, path):
    """Whether the protos have the field at `path` after all."""
    for name in path.split("."):
        found = next((field for field in descriptor.fields if field.json_name == name), None)
        if found is None:
            return False
        descriptor = found.message_type
    return True


def check(path, body):
    message = MESSAGES[path.rsplit(":", 1)[1]]
    for newer in NEWER:
        body = without(without(body, newer), f"generateContentRequest.{newer}")
    json_format.ParseDict(body, message.pb(message()), ignore_unknown_fields=False)


def main():
    failed = 0
    known = types.GenerateContentRequest.pb(types.GenerateContentRequest()).DESCRIPTOR
    for path in NEWER:
        if has(known, path):
            failed += 1
            print(f"not ok {path}: the protos have it now, so it need not be excused")
    for line in sys.stdin:
        request = json.loads(line)
        try:
            check(request["path"], request["body"])
        except json_format.ParseError as error:
            failed += 1
            print(f"not ok {request['path']}: {error}")
        else:
            print(f"ok {request['path']}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
