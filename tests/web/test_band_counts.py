"""How many contacts are in each band: what lists say, a minute old at most, counted once for all requests."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from consumer.infra import postgres
from consumer.web.api.profiles import bands
from consumer.web.http import shared_reads
from consumer.web.http.shared_reads import SharedReads
from tests.waiting import eventually
from tests.web.account_events import happen, record
from tests.web.sample_account import draft, publish
from tests.web.three_definitions import DEFINITIONS, GROUPS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from consumer.infra.postgres.connection import Connection
    from tests.pipeline.service import Service
    from tests.web.api_client import Api, Client

_OVERALL = {"cap": 30, "bands": [{"key": "cold"}, {"key": "warm", "min": 5}, {"key": "hot", "min": 20}]}
_GROUPS: dict[str, Any] = {
    "mail": {"bands": [{"key": "C"}, {"key": "A", "min": 3}]},
    "purchase": {"floor": -9, "cap": 25, "bands": [{"key": "D"}, {"key": "C", "min": -4}, {"key": "A", "min": 9}]},
}  # fmt: skip


@pytest.fixture
async def account(worker: Service, new_account: Callable[..., Awaitable[str]]) -> str:
    """Name an account whose contacts are in all bands, beyond the bounds too, and some without anything counted."""
    profiles = [
        {"key": "lead_score", "name": "Lead score", "primary": True, "overall": _OVERALL, "groups": _GROUPS},
        {"key": "grades", "name": "Grades", "published": True, "groups": {"mail": _GROUPS["mail"]}},
        {"key": "plain", "name": "Plain", "published": True},
        {"key": "drafted", "name": "Drafted"},
    ]
    key = await new_account(groups=GROUPS, definitions=DEFINITIONS, profiles=profiles)
    records = [record(key, "contact.upserted", subject=f"c{number}") for number in range(20)]
    for number in range(20):
        types = ["deal.won"] * (number % 5) + ["deal.lost"] * (number % 4) + ["mail.read"] * (number % 3)
        records += [record(key, event_type, subject=f"c{number}") for event_type in types]
    await worker.batch(records)
    return key


@pytest.fixture
async def client(api: Api, account: str) -> AsyncIterator[Client]:
    """Give a client of that account."""
    async with api.as_(account) as client:
        yield client


async def _counted(client: Client, profile: str = "lead_score") -> Counter[tuple[str | None, str]]:
    answer = await client.get(f"/profiles/{profile}/bands")
    assert answer.status_code == 200, answer.text
    return Counter({(each["group"], each["band"]): each["contacts"] for each in answer.json()["bands"]})


async def _listed(client: Client, profile: str) -> Counter[tuple[str | None, str]]:
    found: Counter[tuple[str | None, str]] = Counter()
    page = (await client.get("/contacts", params={"profile": profile, "limit": 200})).json()
    for item in page["items"]:
        found[None, item["band"]] += item["band"] is not None
        found.update(item["group_bands"].items())
    return +found


@pytest.mark.parametrize("profile", ["lead_score", "grades"])
async def test_the_counts_are_those_of_the_list(client: Client, profile: str) -> None:
    """Each contact is counted once for overall and once for each group with bands, without points in that of 0."""
    counted = await _counted(client, profile)
    assert +counted == await _listed(client, profile)
    assert len(+counted) == {"lead_score": 8, "grades": 2}[profile]
    assert sum(number for (group, _), number in counted.items() if group == "mail") == 20


async def test_what_the_answer_says(client: Client) -> None:
    """Bands come from the lowest to the highest, those of overall first, with when they were counted."""
    body = (await client.get("/profiles/lead_score/bands")).json()
    assert [(each["group"], each["band"], each["min"]) for each in body["bands"]] == [
        (None, "cold", None),
        (None, "warm", 5),
        (None, "hot", 20),
        ("purchase", "D", None),
        ("purchase", "C", -4),
        ("purchase", "A", 9),
        ("mail", "C", None),
        ("mail", "A", 3),
    ]
    assert (body["profile"], body["version"]) == ("lead_score", 1)
    assert 0 <= body["age_seconds"] < 60
    plain = (await client.get("/profiles/plain/bands")).json()
    assert plain["bands"] == []
    assert (await client.get("/profiles/nothing/bands")).status_code == 404
    assert (await client.get("/profiles/drafted/bands")).status_code == 409


async def test_a_count_answers_for_a_minute(
    client: Client, worker: Service, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes meanwhile is in the next count, once this one is a minute old."""
    before = await _counted(client)
    await happen(worker, account, *["deal.won"] * 3, subject="new")
    assert await _counted(client) == before
    monkeypatch.setattr(shared_reads, "FRESH", 0.0)
    after = await _counted(client)
    assert after[None, "hot"] == before[None, "hot"] + 1
    assert after["mail", "C"] == before["mail", "C"] + 1


async def test_a_publish_is_counted_at_once(api: Api, client: Client) -> None:
    """The counts of another version are never those of the one before."""
    before = await _counted(client)
    await draft(
        client, overall={"bands": [{"key": "cold"}, {"key": "warm", "min": 6}, {"key": "hot", "min": 40}]}
    )
    await publish(api, client)
    after = await _counted(client)
    assert after[None, "hot"] < before[None, "hot"]
    assert after == await _listed(client, "lead_score") | Counter({(None, "hot"): 0})


async def test_all_that_ask_wait_for_one_count(api: Api, client: Client, observer: Connection) -> None:
    """While a count is under way, no other begins, and other requests do not wait for it."""
    blocker = await postgres.connect(api.dsn)
    async with blocker.transaction():
        await blocker.execute("lock table ranks")
        asking = [asyncio.create_task(_counted(client)) for _ in range(12)]
        await eventually(lambda: observer.fetchval(_COUNTING), within=20, what="it counts")
        assert (await client.get("/contacts/c1")).status_code == 200
        # The one that began it goes away.
        asking[0].cancel()
        assert await observer.fetchval(_COUNTING) == 1
    await blocker.close()
    _, *answers = await asyncio.gather(*asking, return_exceptions=True)
    assert all(answer == answers[0] and isinstance(answer, Counter) for answer in answers)


async def test_a_count_that_takes_too_long_is_given_up(
    api: Api, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its bands have null in place of numbers; it is not tried again at once."""
    monkeypatch.setattr(bands, "COUNT_SECONDS", 0.05)
    blocker = await postgres.connect(api.dsn)
    async with blocker.transaction():
        await blocker.execute("lock table ranks")
        body = (await client.get("/profiles/lead_score/bands")).json()
    await blocker.close()
    assert {each["contacts"] for each in body["bands"]} == {None}
    again = (await client.get("/profiles/lead_score/bands")).json()
    assert again["counted_at"] == body["counted_at"]


async def test_what_failed_is_read_again() -> None:
    """All that wait for a read get its error, and the next request begins another."""
    reads, begun = SharedReads(), 0

    async def read() -> int:
        nonlocal begun
        begun += 1
        await asyncio.sleep(0)
        if begun == 1:
            raise ValueError("no")
        return begun

    first = await asyncio.gather(*(reads.get("key", read) for _ in range(3)), return_exceptions=True)
    assert [str(error) for error in first] == ["no"] * 3
    assert [(await reads.get("key", read)).value for _ in range(2)] == [2, 2]
    assert (await reads.get("other", read)).value == 3


_COUNTING = """
    select count(*) from pg_stat_activity
    where wait_event_type = 'Lock' and query like '%from ranks s%' and datname = current_database()"""
