"""Dead letters over HTTP: listed, shown, replayed and discarded, of one's own account; of none for all accounts."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from consumer.infra import postgres
from consumer.ingest.dead_letters import pages
from consumer.web.http.outward_ids import DEAD_LETTER
from tests.builders.events import event
from tests.pipeline.service import apply_document
from tests.web.account_events import record
from tests.web.api_client import bearer
from tests.web.sample_account import GROUPS, WON

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.pipeline.service import Service
    from tests.web.api_client import Api, Client


@pytest.fixture
async def account(new_account: Callable[..., Awaitable[str]]) -> str:
    """Name an account in which deals count."""
    return await new_account(groups=GROUPS, definitions=[WON])


async def _die(worker: Service, account: str, *subjects: str) -> None:
    """Let an event of each of these contacts die, whose amount is none."""
    outcomes = await worker.batch(
        [record(account, "deal.won", subject=each, data='{"amount": "much"}') for each in subjects]
    )
    assert outcomes == ["dead data_invalid"] * len(subjects)


async def _die_unreadable(worker: Service, value: bytes) -> None:
    [made] = worker.feed.records([event()])
    headers = (*made.headers, ("trace", b"\xff"), ("\udcfe", None))
    [one] = await worker.process([msgspec.structs.replace(made, value=value, headers=headers)])
    assert one.outcome.value == "dead"


async def _listed(client: Client, **params: Any) -> list[dict[str, Any]]:
    answer = await client.get("/dead-letters", params=params)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def _ids(client: Client, **params: Any) -> list[str]:
    return [one["id"] for one in await _listed(client, **params)]


async def _repair(api: Api, account: str) -> None:
    """Let the dead letters of an account be events: as if the program by now knew their data."""
    connection = await postgres.connect(api.dsn)
    await connection.execute(
        """
        update dead_letters set value = convert_to(replace(convert_from(value, 'UTF8'), '"much"', '12'), 'UTF8')
        where account_key = $1
        """,
        account,
    )
    await connection.close()


async def test_they_are_listed_newest_first_and_filtered(api: Api, worker: Service, account: str) -> None:
    """Reason, topic and instant each narrow the list, which has pages; other accounts' are not in it."""
    await _die(worker, account, "ann", "bob", "eve")
    await apply_document(api.dsn, {"engagement_catalog": 1, "account": "neighbour", "name": "N"})
    await _die(worker, "neighbour", "ann")
    async with api.as_(account) as client:
        items = await _listed(client)
        assert [one["offset"] for one in items] == sorted((one["offset"] for one in items), reverse=True)
        assert len(items) == 3
        assert {one["account"] for one in items} == {account}
        assert (items[0]["reason"], items[0]["topic"]) == ("data_invalid", "deals")
        assert "amount" in items[0]["detail"]
        first = (await client.get("/dead-letters", params={"limit": 2})).json()
        rest = (await client.get("/dead-letters", params={"limit": 2, "cursor": first["next"]})).json()
        assert [*first["items"], *rest["items"]] == items
        assert rest["next"] is None
        assert await _ids(client, reason="not_json") == []
        assert await _ids(client, topic="emails") == []
        assert len(await _ids(client, reason="data_invalid", topic="deals")) == 3
        now = datetime.now(UTC)
        assert len(await _ids(client, since=(now - timedelta(hours=1)).isoformat())) == 3
        assert await _ids(client, since=(now + timedelta(hours=1)).isoformat()) == []
        other = await client.get("/dead-letters", params={"cursor": first["next"], "topic": "deals"})
        assert other.status_code == 400


async def test_a_page_goes_through_some_thousand_only(
    api: Api, worker: Service, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page of a rare reason may be empty and not the last: what it costs is bounded, and nothing is left out."""
    monkeypatch.setattr(pages, "_MOST_PASSED", 2)
    await _die(worker, account, *"abcde")
    connection = await postgres.connect(api.dsn)
    oldest = await connection.fetchval(
        """
        update dead_letters set topic = 'rare'
        where id = (select min(id) from dead_letters where account_key = $1) returning id
        """,
        account,
    )
    await connection.close()
    async with api.as_(account) as client:
        sizes, found, cursor = [], [], None
        while True:
            params = {"topic": "rare", **({"cursor": cursor} if cursor else {})}
            page = (await client.get("/dead-letters", params=params)).json()
            sizes.append(len(page["items"]))
            found += [one["id"] for one in page["items"]]
            cursor = page["next"]
            if cursor is None:
                break
    assert sizes == [0, 0, 1]
    assert [await api.number(DEAD_LETTER, one) for one in found] == [oldest]


async def test_one_is_shown_byte_for_byte(api: Api, worker: Service, account: str) -> None:
    """Text as text, other bytes as base64, absent apart from empty; another account's is not found."""
    await _die(worker, account, "ann")
    async with api.as_(account) as client:
        [number] = await _ids(client)
        shown = (await client.get(f"/dead-letters/{number}")).json()
        assert '"much"' in shown["value"]["text"]
        assert shown["value"]["base64"] is None
        assert shown["timestamp"] > 1_700_000_000_000
        assert {"name": "content-type", "value": shown["headers"][0]["value"]} == shown["headers"][0]
        assert (await client.get("/dead-letters/1")).status_code == 404
    async with api.as_("*") as client:
        assert (await client.get(f"http://api/v1/dead-letters/{number}")).json() == shown
    await apply_document(api.dsn, {"engagement_catalog": 1, "account": "neighbour", "name": "N"})
    async with api.as_("neighbour") as client:
        assert (await client.get(f"/dead-letters/{number}")).status_code == 404


async def test_those_of_no_account_are_for_tokens_of_all(api: Api, worker: Service, account: str) -> None:
    """A record whose account cannot be read belongs to none; a token of one account is not shown it."""
    await _die_unreadable(worker, b"\xff\x00")
    await _die(worker, account, "ann")
    own = bearer(account)
    assert (await api.client.get("/v1/dead-letters", headers=own)).status_code == 404
    everything = bearer("*", ["engagement:operate"])
    [newest, *_] = (await api.client.get("/v1/dead-letters", headers=everything)).json()["items"]
    assert newest["account"] is None
    path = f"/v1/dead-letters/{newest['id']}"
    assert (await api.client.get(path, headers=own)).status_code == 404
    shown = (await api.client.get(path, headers=everything)).json()
    assert shown["value"] == {"text": None, "base64": base64.b64encode(b"\xff\x00").decode()}
    assert shown["headers"][-2:] == [
        {"name": "trace", "value": {"text": None, "base64": "/w=="}},
        {"name": "\\xfe", "value": None},
    ]
    params = {"account": account}
    named = (await api.client.get("/v1/dead-letters", headers=everything, params=params)).json()["items"]
    assert [one["account"] for one in named] == [account]
    ids = {"ids": [newest["id"], named[0]["id"]]}
    for action in ("replay", "discard"):
        assert (await api.client.post(f"/v1/dead-letters/{action}", json=ids, headers=own)).status_code == 404
    gone = await api.client.post("/v1/dead-letters/discard", json=ids, headers=everything)
    assert set(gone.json()["discarded"]) == set(ids["ids"])
    assert (await api.client.get(path, headers=everything)).status_code == 404


async def test_a_replay_resolves_what_is_an_event_by_now(api: Api, worker: Service, account: str) -> None:
    """It takes effect with its own time, and its letter goes; what is dead still stays. Audited, once."""
    await _die(worker, account, "ann")
    await _repair(api, account)
    await _die(worker, account, "bob")
    async with api.as_(account, actor="eva") as client:
        dead, repaired = await _ids(client)
        await api.number(DEAD_LETTER, dead)
        absent = DEAD_LETTER.write(999_999_999)
        body = {"ids": [dead, repaired, absent]}
        answer = await client.post("/dead-letters/replay", json=body)
        assert answer.status_code == 200
        assert answer.json()["resolved"] == 1
        assert [(one["id"], one["outcome"], one["resolved"]) for one in answer.json()["items"]] == [
            (repaired, "applied", True),
            (dead, "dead", False),
            (absent, None, False),
        ]
        assert answer.json()["items"][1]["reason"] == "data_invalid"
        assert await _ids(client) == [dead]
        assert {one["id"]: one["overall"] for one in (await client.get("/contacts")).json()["items"]} == {
            "ann": 50
        }
        again = (await client.post("/dead-letters/replay", json={"ids": [repaired]})).json()
        assert again["items"][0]["outcome"] is None
        [entry] = [
            one for one in (await client.get("/audit")).json()["items"] if one["subject"] == "dead_letters"
        ]
        assert (entry["actor"], entry["action"], entry["after"]) == ("eva", "replayed", {"ids": [repaired]})


async def test_another_accounts_letters_are_neither_replayed_nor_discarded(
    api: Api, worker: Service, account: str, new_account: Callable[..., Awaitable[str]]
) -> None:
    """Their numbers are as if there were none, and nothing else is touched."""
    await _die(worker, account, "ann")
    await _repair(api, account)
    other = await new_account()
    async with api.as_(account) as client, api.as_(other) as stranger:
        [number] = await _ids(client)
        replayed = (await stranger.post("/dead-letters/replay", json={"ids": [number]})).json()
        assert (replayed["resolved"], replayed["items"][0]["outcome"]) == (0, None)
        discarded = (await stranger.post("/dead-letters/discard", json={"ids": [number]})).json()
        assert discarded == {"discarded": []}
        assert await _ids(client) == [number]
        assert (await client.post("/dead-letters/discard", json={"ids": [number, number]})).json() == {
            "discarded": [number]
        }
        assert await _ids(client) == []
        [entry, *_] = (await client.get("/audit")).json()["items"]
        assert (entry["action"], entry["before"]) == ("discarded", {"ids": [number]})


@pytest.mark.parametrize("ids", [[], [0], ["x"], ["x"] * 101], ids=["none", "a number", "no id", "too many"])
@pytest.mark.parametrize("action", ["replay", "discard"])
async def test_what_names_no_letters_is_refused(api: Api, account: str, action: str, ids: list[Any]) -> None:
    """A hundred at most are named, and at least one: an empty list is not all of them."""
    async with api.as_(account) as client:
        assert (await client.post(f"/dead-letters/{action}", json={"ids": ids})).status_code == 422
