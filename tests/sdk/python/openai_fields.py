"""Prints, as a JSON list, the path of every field that openai can send with chat.completions.create.

Beside the parameters' types these are the types of answers, since clients replay an answer as they got it.
"""

import inspect
import json
import typing

import pydantic
import typing_extensions
from openai.types.chat import ChatCompletionMessage, ParsedChatCompletionMessage, chat_completion_chunk
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming, CompletionCreateParamsStreaming

ROOTS = [
    (CompletionCreateParamsNonStreaming, ""),
    (CompletionCreateParamsStreaming, ""),
    (ChatCompletionMessage, "messages[]"),
    (ParsedChatCompletionMessage, "messages[]"),
    (chat_completion_chunk.ChoiceDeltaToolCall, "messages[].tool_calls[]"),
]
SEVERAL = ("list", "Iterable", "Sequence", "SequenceNotStr")


def fields(kind):
    if typing_extensions.is_typeddict(kind):
        return typing_extensions.get_type_hints(kind)
    if inspect.isclass(kind) and issubclass(kind, pydantic.BaseModel):
        return {name: field.annotation for name, field in kind.model_fields.items()}
    return {}


def paths(kind, path, above=frozenset()):
    origin = typing.get_origin(kind)
    several = getattr(origin, "__name__", None) in SEVERAL
    if origin is not dict:
        for inner in typing.get_args(kind):
            yield from paths(inner, path + "[]" if several else path, above)
    if kind in above:
        return
    for name, inner in fields(kind).items():
        field = f"{path}.{name}" if path else name
        yield field
        yield from paths(inner, field, above | {kind})


print(json.dumps(sorted({path for kind, root in ROOTS for path in paths(kind, root)})))
