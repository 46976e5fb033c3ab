"""Trying an event: the same answer as the worker gives, and why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from consumer import catalog
from consumer.infra import postgres
from tests.web.account_events import flush_inbox, happen

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.pipeline.service import Service
    from tests.web.api_client import Api, Client

GROUPS = [{"key": "purchase", "name": "Purchase", "icon": "cart"}]
SHARED = {"group": "purchase", "icon": "trophy", "default_points": 50}
DEFINITIONS: list[dict[str, Any]] = [
    {"key": "any_won", "name": "Won", "events": ["deal.won"], **SHARED},
    {
        "key": "big_won",
        "name": "Big",
        "events": ["deal.won"],
        "when": [
            {"path": "amount", "op": "gte", "value": 99.5},
            {"path": "lead.tags", "op": "contains", "value": "hot"},
            {"attribute": "actortype", "op": "eq", "value": "rep"},
        ],
        **SHARED,
    },
    {"key": "resting", "name": "Resting", "events": ["deal.won"], "active": False, **SHARED},
    {"key": "lost", "name": "Lost", "events": ["deal.lost", "deal.dropped"], **SHARED},
]


@pytest.fixture(scope="module")
async def client(api: Api) -> Any:
    """Give a client of an account with four definitions."""
    connection = await postgres.connect(api.dsn)
    document = {"engagement_catalog": 1, "account": "tries", "groups": GROUPS, "definitions": DEFINITIONS}
    await catalog.apply_document(connection, catalog.parse_document(json.dumps(document)))
    await connection.close()
    async with api.as_("tries") as client:
        yield client


async def _try(client: Client, **body: Any) -> dict[str, Any]:
    response = await client.post("/try", json=body)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def _why(answer: dict[str, Any]) -> dict[str, list[str]]:
    return {each["key"]: each["why"] for each in answer["definitions"]}


async def test_every_definition_says_whether_it_takes_the_event_and_why_not(client: Client) -> None:
    """Type, activity and each condition are reported separately, with the value found."""
    data = {"amount": 40, "lead": {"tags": ["cold"]}}
    answer = await _try(client, event={"type": "deal.won", "data": data})
    assert answer["taken_by"] == ["any_won"]
    assert _why(answer) == {
        "any_won": [],
        "big_won": [
            "condition 1 (amount gte 99.5): found 40",
            "condition 2 (lead.tags contains hot): found [cold]",
            "condition 3 (actortype eq rep): missing",
        ],
        "resting": ["not active"],
        "lost": ["takes deal.lost, deal.dropped, not deal.won"],
    }
    big = answer["definitions"][1]
    assert big["takes_type"] is True
    assert big["conditions"][0] == {
        "condition": {"path": "amount", "op": "gte", "value": 99.5},
        "found": 40,
        "holds": False,
    }


async def test_values_of_another_type_are_said_to_be(client: Client) -> None:
    """A number given as text never compares, and the answer says why."""
    answer = await _try(
        client, event={"type": "deal.won", "actortype": "rep", "data": {"lead": {"tags": "hot!"}}}
    )
    assert _why(answer)["big_won"] == ["condition 1 (amount gte 99.5): missing"]
    answer = await _try(client, event={"type": "deal.gone", "data": {"amount": "100"}})
    assert answer["taken_by"] == []
    assert 'condition 1 (amount gte 99.5): found "100", not a number' in _why(answer)["big_won"]
    answer = await _try(client, event={"type": "odd", "data": {"amount": [1] * 500}})
    assert len(_why(answer)["big_won"][1]) < 200


async def test_a_draft_is_tried_as_if_it_were_stored(client: Client) -> None:
    """A new definition, or a stored one with changes, is tried and nothing is stored."""
    before = (await client.get("/definitions")).json()
    event = {"type": "deal.dropped"}
    changed = await _try(client, event=event, draft={"key": "lost", "events": ["deal.lost"]})
    assert changed["taken_by"] == []
    assert [each["key"] for each in changed["definitions"] if each["draft"]] == ["lost"]
    new = {"key": "fresh", "name": "Fresh", "events": ["deal.dropped"], **SHARED}
    assert (await _try(client, event=event, draft=new))["taken_by"] == ["lost", "fresh"]
    assert (await client.get("/definitions")).json() == before
    refused = await client.post("/try", json={"event": event, "draft": {**new, "group": "nowhere", "xp": -1}})
    assert [error["field"] for error in refused.json()["errors"]] == ["draft.xp", "draft.group"]
    refused = await client.post("/try", json={"event": event, "draft": {**new, "group": "nowhere"}})
    assert [error["field"] for error in refused.json()["errors"]] == ["draft.group"]
    refused = await client.post("/try", json={"event": event, "draft": {"key": "fresh"}})
    assert [(error["field"], error["detail"]) for error in refused.json()["errors"]] == [
        (f"draft.{name}", "is missing") for name in ("name", "group", "icon", "default_points", "events")
    ]


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({}, "event.type"),
        ({"type": ""}, "event.type"),
        ({"type": "deal.won", "time": "yesterday"}, "event.time"),
        ({"type": "deal.won", "time": "1999-01-01T00:00:00Z"}, "event.time"),
        ({"type": "deal.won", "data": [1]}, "event.data"),
        ({"type": "deal.won", "data": {"amount": "much"}}, "event.data.amount"),
        ({"type": "deal.won", "specversion": "0.3"}, "event.specversion"),
    ],
    ids=str,
)
async def test_what_could_not_be_an_event_is_refused(
    client: Client, event: dict[str, Any], field: str
) -> None:
    """A sample that the worker would make a dead letter is 422, with the attribute and the reason."""
    response = await client.post("/try", json={"event": event})
    assert response.status_code == 422
    error = response.json()["errors"][0]
    assert error["field"] == field
    assert "dead letter reason" in error["detail"]


@pytest.mark.parametrize(
    "text",
    [
        '{"event": {"type": "a", "data": {"n": 1e999}}}',
        '{"event": {"type": "a", "data": {"n": NaN}}}',
        '{"event": {"type": "a", "data": {"n": "\\ud800"}}}',
        '{"event": {"type": "a", "data": ' + '{"a":' * 70 + "1" + "}" * 70 + "}}",
        '{"event": {"type": "a", "data": ' + '{"a":' * 900 + "1" + "}" * 900 + "}}",
        '{"event": {"type": "a"}, "inbox_type": "a"}',
        "{}",
    ],
)
async def test_odd_samples_are_refused(client: Client, text: str) -> None:
    """What is no JSON, or too deep, or neither of the two ways, is the caller's fault and not ours."""
    response = await client.post("/try", content=text, headers={"content-type": "application/json"})
    assert response.status_code in {400, 422}, response.text


async def test_a_type_of_the_inbox_is_tried_by_its_sample(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """The sample that the inbox keeps is tried as it came, numbers of any size included."""
    account = await new_account(groups=GROUPS, definitions=DEFINITIONS)
    await happen(
        worker, account, "deal.seen", data='{"amount": 1' + "0" * 5000 + ', "lead": {"tags": ["hot"]}}'
    )
    await flush_inbox(api, worker)
    async with api.as_(account) as client:
        answer = await _try(client, inbox_type="deal.seen")
        assert answer["type"] == "deal.seen"
        assert [each["holds"] for each in answer["definitions"][1]["conditions"]] == [True, True, False]
        assert (await client.post("/try", json={"inbox_type": "deal.unseen"})).status_code == 404


async def test_the_worker_agrees(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """What is said to be taken is applied with as many entries, and what nothing takes is unmatched."""
    account = await new_account(groups=GROUPS, definitions=DEFINITIONS[1:])
    async with api.as_(account) as client:
        for event_type, data in (
            ("deal.won", {"amount": 100, "lead": {"tags": ["hot"]}}),
            ("deal.won", {"amount": 99.4, "lead": {"tags": ["hot"]}}),
            ("deal.won", {"amount": 99.5, "lead": {"tags": "very hot"}}),
            ("deal.lost", {}),
            ("deal.unknown", {}),
        ):
            answer = await _try(client, event={"type": event_type, "actortype": "rep", "data": data})
            outcomes = await happen(worker, account, event_type, actortype="rep", data=json.dumps(data))
            assert outcomes == ["applied" if answer["taken_by"] else "unmatched"], (event_type, data)
