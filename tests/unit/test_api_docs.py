"""docs/api.md lists every route with its permission and every problem; its links and request bodies are valid."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from consumer.web.api.catalog.backfills import BackfillRequest
from consumer.web.api.catalog.try_event import Sample
from consumer.web.api.catalog.unmatched_inbox import FromInbox
from consumer.web.api.contacts.adjustments import NewAdjustment, UndoAdjustment
from consumer.web.api.contacts.bulk_adjustments import BulkAdjustment
from consumer.web.api.contacts.scores import Lookup
from consumer.web.api.contacts.segments import NewSegment
from consumer.web.api.operations.dead_letter_answers import DeadLetterIds
from consumer.web.api.profiles.previews import PreviewRequest
from consumer.web.api.tracker_tokens.schemas import NewLinks, NewTrackerToken
from consumer.web.http import seal
from consumer.web.http.problems import _STATUS, ProblemDetails
from tests.web.api_document import api_document

if TYPE_CHECKING:
    from consumer.web.http.request_types import Body

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")
_ROUTE = re.compile(r"^\| `([A-Z]+) (\S+)` \| (read|manage|operate|any) \|", re.MULTILINE)


def test_every_route_is_listed_with_its_permission() -> None:
    """The tables have exactly the routes of the OpenAPI document."""
    paths = api_document()["paths"]
    served = {
        (
            method.upper(),
            path,
            next(iter(operation["security"][0]["bearer"]), "any").removeprefix("engagement:"),
        )
        for path, operations in paths.items()
        for method, operation in operations.items()
    }
    listed = [
        (method, path.replace("…", "/v1/accounts/{account}"), permission)
        for method, path, permission in _ROUTE.findall(PAGE)
    ]
    assert len(listed) == len(set(listed))
    assert set(listed) == served


def test_every_problem_is_listed_with_its_status() -> None:
    """The table of problems is the closed list."""
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", PAGE, re.MULTILINE)
    assert {(code, int(status)) for status, code in rows} == {
        (str(code), status) for code, (status, _) in _STATUS.items()
    }


def test_links_lead_to_headings() -> None:
    """Each `#anchor` is one of a heading, as GitHub makes it."""
    headings = re.findall(r"^#+ (.*)$", PAGE, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) <= anchors


@pytest.mark.parametrize(
    ("begin", "model"),
    [
        ('{"event": {"type": "deal.won"', Sample),
        ('{"type": "form.sent"}', FromInbox),
        ('{"from_topics"', BackfillRequest),
        ('{"ranges": [{"name": "hot"', PreviewRequest),
        ('{"contacts": ["ann"', Lookup),
        ('{"group": "support", "points"', NewAdjustment),
        ('{"reason": "a mistake"', UndoAdjustment),
        ('{"items": [{"contact"', BulkAdjustment),
        ('{"ids": ["', DeadLetterIds),
        ('{"key": "slipping"', NewSegment),
        ('{"name": "Shop", "origins"', NewTrackerToken),
        ('{"key": "wk_…"', NewLinks),
    ],
)
def test_bodies_are_valid(begin: str, model: type[Body]) -> None:
    """Each request body on the page is accepted; its ids are those of an installation with this salt."""
    seal.bind(seal.Seal(b"the salt of the documentation"))
    body, _ = json.JSONDecoder().raw_decode(PAGE, PAGE.index(begin))
    model.model_validate(body)


def test_the_problem_is_one() -> None:
    """The problem on the page has the shape and the title of a real one."""
    body, _ = json.JSONDecoder().raw_decode(PAGE, PAGE.index('{"type": "urn:engagement:problem:invalid"'))
    problem = ProblemDetails.model_validate(body)
    assert (problem.status, problem.title) in _STATUS.values()
