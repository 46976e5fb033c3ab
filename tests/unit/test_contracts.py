"""docs/contracts.md names the routes and closed lists of the code, all of them and no other."""

from __future__ import annotations

import re
from itertools import cycle
from pathlib import Path
from typing import get_args

import pytest

from consumer.domain.tracker_links import Link, signature
from consumer.infra.telemetry.metrics import STAGES
from schemas.published import Cause
from schemas.vocabulary import DeadLetterReason, LaneStop, RefusalReason, RetryReason
from tests.web.api_document import api_document

_DOCS = Path(__file__).parents[2] / "docs"
_CONTRACTS = (_DOCS / "contracts.md").read_text("utf-8")
_METHODS = {"get", "post", "put", "patch", "delete"}


def _documented_routes() -> set[tuple[str, str]]:
    section = _CONTRACTS.split("## Routes")[1].split("## Metrics")[0]
    routes = set()
    for paths, methods in re.findall(r"^\| (`.*?) \| (`.*?) \|", section, re.MULTILINE):
        # One group of methods for each path, or one for all of them.
        for path, group in zip(
            re.findall(r"`(.*?)`", paths), cycle(re.findall(r"`(.*?)`", methods)), strict=False
        ):
            whole = path if path.startswith("/") else f"/v1/accounts/{{account}}/{path}"
            routes |= {(method, whole) for method in group.split()}
    return routes


def test_routes_are_those_of_the_api() -> None:
    """The table of routes has every method and path of the API, and no other."""
    document = api_document()
    served = {
        (method.upper(), path)
        for path, operations in document["paths"].items()
        for method in operations.keys() & _METHODS
    }
    assert _documented_routes() == served


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("Dead-letter reasons", list(DeadLetterReason)),
        ("Causes", get_args(Cause)),
        ("Lane stops", list(LaneStop)),
        ("Batch stages", STAGES),
        ("Retry reasons", list(RetryReason)),
        ("Refusals of the tracker", list(RefusalReason)),
    ],
)
def test_closed_lists_are_those_of_the_code(name: str, values: list[str]) -> None:
    """Each closed list has the words of the code, in its order."""
    found = re.search(rf"^- {name}[^:]*: ([^.]*)\.", _CONTRACTS, re.MULTILINE)
    assert found is not None
    assert re.findall(r"`([a-z_]+)`", found[1]) == [str(value) for value in values]


def test_signatures_of_links_are_those_of_the_code() -> None:
    """Each example of a signed link has the signature that the code gives it."""
    examples = re.findall(r"^\| `(\S+)` \| `([A-Za-z0-9_-]{43})` \|$", _CONTRACTS, re.MULTILINE)
    assert len(examples) == 2
    for signed, expected in examples:
        assert signature(b"secret", Link(*signed.split("\\n"))) == expected


def test_each_rule_has_a_number_of_its_own() -> None:
    """A rule of semantics.md is found by its number, and what names one names a rule that is there."""
    text = (_DOCS / "semantics.md").read_text("utf-8")
    rules = re.findall(r"^- \*\*(\d+\.\d+)\*\*", text, re.MULTILINE)
    assert len(rules) == len(set(rules)), [rule for rule in rules if rules.count(rule) > 1]
    assert len(rules) > 150
    named = re.findall(r"\((\d+\.\d+)(?: to (\d+\.\d+))?\)", text)
    assert [one for pair in named for one in pair if one and one not in rules] == []
