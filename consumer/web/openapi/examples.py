"""Examples of bodies and answers, composed from one value for each name of a field.

An example of a model has the example of each of its fields: the value of that name in example_values.py, an own
one of the model (`Model.field`), or, where the field is a model, the example of that. So a new route has examples
as soon as its fields have known names.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from consumer.web.http.ndjson_response import MEDIA_TYPE as NDJSON
from consumer.web.openapi.example_values import FILES, VALUES, WHOLE

if TYPE_CHECKING:
    from collections.abc import Mapping

_JSON = "application/json"


class NoExampleError(Exception):
    """A field without an example: add a value of its name to example_values.py."""


def add(document: dict[str, Any]) -> None:
    """Add an example to each body and each answer that has content."""
    schemas = document["components"]["schemas"]
    for by_method in document["paths"].values():
        for operation in by_method.values():
            if body := operation.get("requestBody"):
                _add_to(body["content"], schemas, operation["operationId"])
            for status, answer in operation["responses"].items():
                if status.startswith("2"):
                    _add_to(answer.get("content", {}), schemas, operation["operationId"])


def _add_to(content: dict[str, Any], schemas: Mapping[str, Any], operation: str) -> None:
    # FastAPI lists the schema of a line as if the whole answer were one.
    line = content.pop(_JSON)["schema"] if NDJSON in content and _JSON in content else None
    for media_type, each in content.items():
        # One is missing rather than the whole document; a test says which.
        with suppress(NoExampleError):
            if media_type == _JSON:
                each["example"] = example_of(each["schema"], schemas, operation)
            elif line is not None:
                each["example"] = _lines(example_of(line, schemas, operation))
            elif operation in FILES:
                each["example"] = FILES[operation]


def _lines(line: dict[str, Any]) -> str:
    """Return a stream with each kind of line that one without a failure has."""
    return "".join(json.dumps({name: value}) + "\n" for name, value in line.items() if name != "problem")


def example_of(schema: Mapping[str, Any], schemas: Mapping[str, Any], name: str) -> Any:
    """Return an example of a schema; name: `Model.field`, or of the operation for a whole body.

    Raises NoExampleError.
    """
    if "$ref" in schema:
        model = schema["$ref"].rpartition("/")[2]
        return WHOLE[model] if model in WHOLE else _of_model(model, schemas)
    if alternatives := [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]:
        return example_of(alternatives[0], schemas, name)
    if schema.get("type") == "array":
        return [example_of(schema["items"], schemas, name)]
    if "default" in schema:
        return schema["default"]
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    if schema.get("type") == "boolean":
        return True
    raise NoExampleError(name)


def _of_model(model: str, schemas: Mapping[str, Any]) -> Any:
    schema = schemas[model]
    if "properties" not in schema:
        return example_of(schema, schemas, model)
    example = {}
    for field, of_field in schema["properties"].items():
        own = f"{model}.{field}"
        if own in VALUES:
            example[field] = VALUES[own]
        elif field in VALUES and not _refers(of_field) and not {"const", "enum"} & of_field.keys():
            example[field] = VALUES[field]
        else:
            example[field] = example_of(of_field, schemas, own)
    return example


def _refers(schema: Mapping[str, Any]) -> bool:
    """Return whether a field holds a model, or several."""
    parts = [schema, *schema.get("anyOf", ())]
    parts += [part["items"] for part in parts if "items" in part]
    return any("$ref" in part for part in parts)
