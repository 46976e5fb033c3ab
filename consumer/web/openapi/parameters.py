"""Parameters that many routes share: what each path parameter means, with an example; `If-Match` as required."""

from __future__ import annotations

from typing import Any

from consumer.web.http.etags import OPTIONAL

_TAG = '"8c5e69bb04d8a6fb"'
# As the service gives ids (docs/decisions/0033).
_SEALED = "snEgxSpfIaU11TOFPHRZ07ghXhEpS9vu"
# Description and example of each parameter in a path.
PATH = {
    "account": ("The account's key.", "acme"),
    "adjustment": ("The id of the adjustment.", _SEALED),
    "backfill": ("The id of the backfill.", _SEALED),
    "contact": ("The contact's id in the upstream system, percent-encoded.", "ann"),
    "dead_letter": ("The id of the dead letter.", _SEALED),
    "definition": ("The definition's key.", "deal_won"),
    "deletion": ("The id of the deletion, as in its `Location`.", "0b9a7a3a5e6f4c1d8e2f60718293a4b5"),
    "delivery": ("The id of the delivery, percent-encoded.", "1:acme:lead_score:ann:17"),
    "group": ("The group's key.", "purchase"),
    "join": ("The id of the join, as in `joins`.", "5d41402abc4b2a76b9719d911017c592"),
    "profile": ("The profile's key.", "lead_score"),
    "publish": ("The id of the publish.", _SEALED),
    "rejudgement": ("The id of the rejudgement.", _SEALED),
    "segment": ("The segment's key.", "slipping"),
    "token": ("The id of the tracker token.", "0d5a3c52-8a7e-4b0f-9d2c-6e1f7a4b8c93"),
    "webhook": ("The id of the webhook.", "6f1c2b9e-3d0a-4b57-9c1e-5a7f0d2e8b41"),
    "version": ("The number of the version.", 3),
}


def describe(operation: dict[str, Any]) -> None:
    """Describe the parameters of an operation."""
    for parameter in operation.get("parameters", ()):
        # FastAPI repeats it there.
        parameter["schema"].pop("description", None)
        if parameter["in"] == "path" and parameter["name"] in PATH:
            description, example = PATH[parameter["name"]]
            parameter |= {"description": description, "example": example}
        if parameter["name"] == "If-Match":
            # Optional in the code, because a missing one has a problem of its own (428).
            required = not parameter["schema"].get(OPTIONAL)
            parameter |= {"required": required, "schema": {"type": "string"}, "example": _TAG}


def add_if_none_match(operation: dict[str, Any]) -> None:
    """Add the header with which a read asks whether what the client has is still current."""
    operation["parameters"].append(
        {
            "name": "If-None-Match",
            "in": "header",
            "required": False,
            "schema": {"type": "string"},
            "description": "The `ETag` of what the client has: if it is still current, the answer is 304.",
            "example": _TAG,
        }
    )
