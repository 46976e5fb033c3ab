"""`errors` has every fault of a request at once: those of its shape, and those by the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.web.account_events import flush_inbox, happen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    import httpx

    from tests.pipeline.service import Service
    from tests.web.api_client import Api, Client

GROUPS = [{"key": "purchase", "name": "Purchase", "icon": "cart"}]
WON = {
    "key": "deal_won",
    "name": "Deal won",
    "group": "purchase",
    "icon": "trophy",
    "default_points": 5,
    "events": ["deal.won"],
}


@pytest.fixture
async def client(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> AsyncIterator[Client]:
    """Give a client of an account with one definition, and a type in the inbox."""
    account = await new_account(groups=GROUPS, definitions=[WON])
    await happen(worker, account, "form.sent")
    await flush_inbox(api, worker)
    async with api.as_(account) as made:
        yield made


def _faults(answer: httpx.Response) -> dict[str, str]:
    """Return the details by field, of which no field has two."""
    assert answer.status_code == 422, answer.text
    errors = answer.json()["errors"]
    faults = {error["field"]: error["detail"] for error in errors}
    assert len(faults) == len(errors), errors
    return faults


_SHAPE_AND_CATALOG = {
    "nme": "there is no such field",
    "default_points": "must be a whole number",
    "group": "there is no group nowhere",
    "icon": 'icon must be an icon of catalogs/icons.yaml, not "unicorn"',
    "dedup": "dedup: policy cooldown needs an interval",
    "when.0": "condition 1: needs either path or attribute",
    "when.1.op": "must be eq, ne, in, not_in, gt, gte, lt, lte, contains, exists or absent",
}
_WRONG = {
    "nme": "x",
    "name": "Fine",
    "default_points": "many",
    "group": "nowhere",
    "icon": "unicorn",
    "dedup": {"policy": "cooldown"},
    "when": [{"op": "exists"}, {"path": "amount", "op": "between"}],
}


@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_of_a_definition(client: Client, method: str) -> None:
    """A wrong name and a wrong type do not hide what the catalog finds, of a new definition and of a change."""
    wanted = dict(_SHAPE_AND_CATALOG)
    if method == "POST":
        answer = await client.post("/definitions", json={**_WRONG, "key": "Deal"})
        wanted |= {
            "key": "must be 1 to 64 lower-case letters, digits and _, beginning with a letter",
            "events": "is missing",
        }
    else:
        answer = await client.edit("/definitions/deal_won", _WRONG)
    faults = _faults(answer)
    assert faults == wanted


@pytest.mark.parametrize(
    ("path", "body", "fields"),
    [
        ("/groups", {"key": "x", "icon": "unicorn", "colour": 1}, {"name", "icon", "colour"}),
        (
            "/profiles",
            {"key": "x", "name": "A\tb", "inherits": "yes", "weights": {"deal_won": 2_000_000}},
            {"name", "inherits", "weights.deal_won"},
        ),
        (
            "/inbox/definition",
            {"type": "form.sent", "key": "Form", "group": "nowhere"},
            {"key", "group"},
        ),
        (
            "/try",
            {"event": {"type": "x"}, "draft": {"key": "new", "name": 7, "icon": "unicorn"}, "evnt": 1},
            {"evnt", "draft.name", "draft.icon", "draft.group", "draft.default_points", "draft.events"},
        ),
        (
            "/segments",
            {"key": "hot", "match": {"all": [{"score": {"group": "nowhere", "min": 1}}]}, "profile": "none"},
            {"name", "match.all.0.score.group", "profile"},
        ),
        (
            "/segments",
            {"key": "hot", "name": "Hot", "match": {"all": [{"score": {"min": "1"}}]}, "profile": "none"},
            {"match.all.0.score.min", "profile"},
        ),
        (
            "/contacts/ann/adjustments",
            {"group": "nowhere", "points": 0, "reason": "x", "profile": "none"},
            {"group", "points", "client_key", "profile"},
        ),
        ("/scores/lookup", {"contacts": [], "profile": "none"}, {"contacts", "profile"}),
        (
            "/profiles/lead_score/preview",
            {"ranges": [{"name": "hot", "group": "nowhere", "min": "1"}, {"group": "purchase"}]},
            {"ranges.0.group", "ranges.0.min", "ranges.1.name"},
        ),
    ],
)
async def test_of_everything_that_is_configured(
    client: Client, path: str, body: dict[str, Any], fields: set[str]
) -> None:
    """Groups, profiles, segments, definitions from the inbox and drafts that are tried: every fault, each once."""
    assert _faults(await client.post(path, json=body)).keys() == fields


async def test_of_an_account(client: Client, api: Api) -> None:
    """A new account and a changed one."""
    wrong = {"sales": "yes", "retention": "1 year", "time_zone": "Europe/Atlantis", "plan": "gold"}
    changed = await client.edit("", wrong)
    assert _faults(changed).keys() == wrong.keys()
    async with api.as_("fresh") as fresh:
        headers = fresh.headers
    created = await api.client.post("/v1/accounts", json={"account": "fresh", **wrong}, headers=headers)
    assert _faults(created).keys() == {"name", *wrong}


async def test_text_that_cannot_be_stored_hides_nothing(client: Client) -> None:
    """A lone surrogate or NUL is a fault of its field, beside the others."""
    answer = await client.request(
        "POST",
        "/groups",
        content=b'{"key": "x", "name": "a\\ud800", "icon": "a\\u0000", "more": 1}',
        headers={"content-type": "application/json"},
    )
    faults = _faults(answer)
    assert faults.keys() == {"name", "icon", "more"}
    assert "lone surrogates" in faults["name"]


@pytest.mark.parametrize(
    ("value", "faults"),
    [
        ({"a": 1}, {"when.0.value": "must be text, true or false, a whole number, a number or a list"}),
        ([1, {}], {"when.0.value.1": "must be text, true or false, a whole number or a number"}),
    ],
)
async def test_a_value_of_several_types_has_one_fault(
    client: Client, value: object, faults: dict[str, str]
) -> None:
    """Where a field may be one thing or another, the fault says all that it may be, at the place that is wrong."""
    when = [{"path": "amount", "op": "in", "value": value}]
    found = _faults(await client.edit("/definitions/deal_won", {"when": when}))
    assert found == faults
