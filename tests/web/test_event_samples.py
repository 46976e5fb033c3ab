"""Samples of events for conditions: what has come, and what fields it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.web.account_events import flush_inbox, happen
from tests.web.sample_account import GROUPS, WON

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.pipeline.service import Service
    from tests.web.api_client import Api


async def _samples(api: Api, account: str, event_type: str) -> dict[str, Any]:
    async with api.as_(account) as client:
        answer = await client.get("/event-samples", params={"type": event_type})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_samples_are_the_latest_of_the_timelines(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """Events on timelines come the latest first, once however many definitions take them, and name no contact."""
    account = await new_account(groups=GROUPS, definitions=[WON, {**WON, "key": "won_too"}])
    await happen(worker, account, "deal.won", data='{"amount": 5}')
    await happen(worker, account, "deal.won", data='{"amount": 7.5}', objectid="deal-2", subject="bob")
    found = await _samples(api, account, "deal.won")
    assert [each["data"] for each in found["samples"]] == [{"amount": 7.5}, {"amount": 5}]
    assert found["samples"][0]["objectid"] == "deal-2"
    assert "bob" not in str(found)


async def test_fields_have_paths_kinds_and_values(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """Fields of a sample in the inbox have the path that a condition takes, a kind and values."""
    account = await new_account(groups=GROUPS)
    data = '{"plan": "pro", "seats": 3, "trial": true, "tags": ["a", "b"], "card": {"a": "x", "b": null}, "a.b": 1}'
    await happen(worker, account, "form.sent", data=data, objectid="form-1")
    await flush_inbox(api, worker)
    found = await _samples(api, account, "form.sent")
    fields = {each["path"]: (each["kind"], each["values"]) for each in found["fields"] if each["path"]}
    assert fields == {
        "plan": ("string", ["pro"]),
        "seats": ("number", [3]),
        "trial": ("boolean", [True]),
        "tags": ("list", ["a", "b"]),
        "card.a": ("string", ["x"]),
    }
    attributes = {each["attribute"]: each["values"] for each in found["fields"] if each["attribute"]}
    assert attributes["objectid"] == ["form-1"]


async def test_a_product_type_has_the_fields_of_its_contract(
    api: Api, new_account: Callable[..., Awaitable[str]]
) -> None:
    """A product type that never came has no samples, and the fields of its contract."""
    found = await _samples(api, await new_account(), "deal.won")
    assert found["samples"] == []
    assert {"path": "amount", "attribute": None, "kind": "number", "values": []} in found["fields"]
