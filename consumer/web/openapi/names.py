"""Public names of schemas: those of the models, or better ones; generated clients have classes of these names.

A name that was published stays, whatever the model in the code is called.
"""

from __future__ import annotations

import re
from typing import Any

_PREFIX = "#/components/schemas/"
# What pydantic calls the pages of a model.
_PAGE = re.compile(r"Page_(\w+)_")

# Names that say too little outside their module.
PUBLIC = {
    "Attribute": "EventAttribute",
    "Banded": "BandCondition",
    "Bar": "ScoreBar",
    "Count": "SegmentCount",
    "Counted": "CountCondition",
    "Counts": "ProfileDefinition",
    "Day": "ScoreDay",
    "Draft": "DefinitionDraft",
    "Explanation": "ScoreExplanation",
    "FromInbox": "DefinitionFromInbox",
    "FromTopics": "BackfillFromTopics",
    "History": "ScoreHistory",
    "Icons": "IconsAnswer",
    "Kind": "TimelineItemKind",
    "LastEvent": "LastEventCondition",
    "LookedUp": "LookupItem",
    "Lookup": "LookupRequest",
    "Match": "SegmentMatch",
    "Nested": "SegmentMatchPart",
    "Op": "ConditionOperator",
    "Order": "NewOrder",
    "Outcome": "EventOutcome",
    "Pending": "PendingChange",
    "Per": "DedupScope",
    "Policy": "DedupPolicy",
    "Primary": "NewPrimary",
    "Progress": "StreamProgress",
    "Range": "ScoreRange",
    "Sample": "TrialRequest",
    "Scored": "ScoreCondition",
    "Sums": "ScoreSums",
    "Weight": "DefinitionWeight",
    "Why": "VerdictReason",
    "WhyCode": "VerdictReasonCode",
}


def publish(document: dict[str, Any]) -> None:
    """Give schemas their public names, and take away the titles that repeat the names of fields."""
    schemas = document["components"]["schemas"]
    document["components"]["schemas"] = {
        name: {**schema, "title": name}
        for name, schema in sorted((_public(name), schema) for name, schema in schemas.items())
    }
    for schema in document["components"]["schemas"].values():
        for each in schema.get("properties", {}).values():
            _drop_titles(each)
    for by_method in document["paths"].values():
        for operation in by_method.values():
            for parameter in operation.get("parameters", ()):
                _drop_titles(parameter["schema"])
    _rename(document)


def _public(name: str) -> str:
    """Return the public name of a model; of a kind of page, like `AdjustmentPage`."""
    if page := _PAGE.fullmatch(name):
        return f"{_public(page[1]).removesuffix('Answer')}Page"
    return PUBLIC.get(name, name)


def _drop_titles(schema: dict[str, Any]) -> None:
    schema.pop("title", None)
    for part in (*schema.get("anyOf", ()), schema.get("items"), schema.get("additionalProperties")):
        if isinstance(part, dict):
            _drop_titles(part)


def _rename(part: Any) -> None:
    if isinstance(part, dict):
        if str(part.get("$ref", "")).startswith(_PREFIX):
            part["$ref"] = _PREFIX + _public(part["$ref"].removeprefix(_PREFIX))
        for each in part.values():
            _rename(each)
    elif isinstance(part, list):
        for each in part:
            _rename(each)
