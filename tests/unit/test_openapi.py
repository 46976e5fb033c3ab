"""The OpenAPI document is complete: what clients are generated from, and what people read."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]  # it ships no types

from consumer.web.http.problems import _STATUS, Code
from consumer.web.openapi import examples, operations
from consumer.web.openapi.names import PUBLIC
from consumer.web.openapi.tags import TAGS
from tests.web.api_document import api_document

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENT: dict[str, Any] = json.loads(json.dumps(api_document()))
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
OPERATIONS = [(operation["operationId"], method, operation) for _, method, operation in operations(DOCUMENT)]
each_operation = pytest.mark.parametrize(
    "operation", [operation for _, _, operation in OPERATIONS], ids=[name for name, _, _ in OPERATIONS]
)


def test_names_of_schemas_are_words() -> None:
    """No name is mangled, as of two models of one name or of a page; no two differ in case alone."""
    assert [name for name in SCHEMAS if not re.fullmatch(r"([A-Z][a-z]+)+", name)] == []
    assert len({name.lower() for name in SCHEMAS}) == len(SCHEMAS)
    assert {name for name, schema in SCHEMAS.items() if schema.get("title", name) != name} == set()


def test_public_names_are_of_models_that_exist() -> None:
    """Each entry of the table of public names is in use, and no model has such a name already."""
    assert set(PUBLIC.values()) <= set(SCHEMAS)
    assert set(PUBLIC) & set(SCHEMAS) == set()


def test_models_are_objects() -> None:
    """No model is an object and a choice at once: generators would take the choice, and leave its fields out."""
    assert [name for name, schema in SCHEMAS.items() if {"oneOf", "anyOf", "allOf"} & schema.keys()] == []


def test_every_reference_leads_to_a_component() -> None:
    """No `$ref` is left over from a rename."""
    for reference in re.findall(r'"\$ref": "([^"]+)"', json.dumps(DOCUMENT)):
        _resolved(reference)


def test_every_schema_and_property_is_described() -> None:
    """A person who reads the document learns what each model and each of its fields means."""
    silent = [name for name, schema in SCHEMAS.items() if not schema.get("description")]
    silent += [
        f"{name}.{field}"
        for name, schema in SCHEMAS.items()
        for field, of_field in schema.get("properties", {}).items()
        if not of_field.get("description")
    ]
    assert silent == []


@each_operation
def test_operations_and_parameters_are_described(operation: dict[str, Any]) -> None:
    """Each operation has a tag that the document describes, and words for itself and each parameter."""
    described = {tag["name"] for tag in TAGS}
    assert len(operation["tags"]) == 1
    assert operation["tags"][0] in described
    assert operation["summary"]
    assert len(operation["description"]) > 20
    silent = [each["name"] for each in operation.get("parameters", ()) if not each.get("description")]
    assert silent == []
    assert [
        each["name"]
        for each in operation.get("parameters", ())
        if each["in"] == "path" and "example" not in each
    ] == []


def test_every_tag_is_used() -> None:
    """No tag is described that no operation has."""
    used = {tag for _, _, operation in OPERATIONS for tag in operation["tags"]}
    assert {tag["name"] for tag in TAGS} == used


@each_operation
def test_bodies_and_answers_have_valid_examples(operation: dict[str, Any]) -> None:
    """Each body and each answer with content has an example, which its schema allows."""
    contents = [operation["requestBody"]["content"]] if "requestBody" in operation else []
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            assert ("content" in answer) == (status != "204")
        contents.append(_dereferenced(answer).get("content", {}))
    for content in contents:
        for media_type, each in content.items():
            if "example" not in each:
                # Says for which field.
                examples.example_of(each["schema"], SCHEMAS, media_type)
            # Of a stream of events the schema is that of one of them.
            if media_type != "text/event-stream":
                _validate(each["schema"], each["example"])


@each_operation
def test_problems_are_listed_by_status(operation: dict[str, Any]) -> None:
    """The problems of a route are those that it can have: none is hidden in a default answer."""
    statuses = set(operation["responses"])
    assert {"400", "401", "403", "422", "500", "503"} <= statuses
    assert ("413" in statuses) == ("requestBody" in operation)
    conditions = {each["name"]: each["required"] for each in operation.get("parameters", ())}
    assert ("412" in statuses) == ("If-Match" in conditions)
    assert ("428" in statuses) == conditions.get("If-Match", False)
    assert ("304" in statuses) == ("If-None-Match" in conditions)
    assert "default" not in statuses
    assert "405" not in statuses


def test_every_problem_is_a_component() -> None:
    """Each problem of the closed list has its status, an example and the headers that come with it."""
    components = DOCUMENT["components"]["responses"]
    for code, (status, title) in _STATUS.items():
        if code is Code.METHOD_NOT_ALLOWED:
            continue
        component = components["".join(map(str.capitalize, code.split("_")))]
        example = component["content"]["application/problem+json"]["example"]
        assert (example["status"], example["title"]) == (status, title)
        assert ("Retry-After" in component["headers"]) == (status in {429, 503})
        assert ("WWW-Authenticate" in component["headers"]) == (status == 401)


def test_answers_have_their_headers() -> None:
    """What can be changed has an ETag, what is begun a Location, what is about an account its module."""
    responses = {name: operation["responses"] for name, _, operation in OPERATIONS}
    assert "ETag" in responses["read_profile"]["200"]["headers"]
    assert "ETag" in responses["read_group_order"]["200"]["headers"]
    assert "ETag" not in responses["list_profiles"]["200"]["headers"]
    assert "Location" in responses["begin_publish"]["202"]["headers"]
    assert "Engagement-Module" in responses["list_contacts"]["200"]["headers"]
    assert "Engagement-Module" not in responses["list_accounts"]["200"]["headers"]
    assert all("X-Request-Id" in each["headers"] for each in DOCUMENT["components"]["responses"].values())
    assert "X-Request-Id" in responses["list_accounts"]["200"]["headers"]


def _validate(schema: dict[str, Any], example: Any) -> None:
    validator = Draft202012Validator(
        {**schema, "components": DOCUMENT["components"]}, format_checker=FormatChecker()
    )
    errors = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(example)]
    assert errors == []


def _dereferenced(part: dict[str, Any]) -> dict[str, Any]:
    return _resolved(part["$ref"]) if "$ref" in part else part


def _resolved(reference: str) -> Any:
    found: Any = DOCUMENT
    for name in _steps(reference):
        found = found[name]
    return found


def _steps(reference: str) -> Iterator[str]:
    return iter(reference.removeprefix("#/").split("/"))
