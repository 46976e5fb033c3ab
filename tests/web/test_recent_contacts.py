"""Contacts by their last events: lists in that order, when it was, how scores have changed since, and totals."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from consumer.web.api.contacts import list_totals
from schemas.timestamps import rfc3339
from tests.pipeline import service
from tests.pipeline.service import apply_document
from tests.web.account_events import record
from tests.web.three_definitions import DEFINITIONS, GROUPS, POINTS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.pipeline.service import Service
    from tests.web.api_client import Api, Client

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
# Takes events that another definition takes too.
DEAL = {
    **DEFINITIONS[0],
    "key": "deal",
    "name": "Deal",
    "default_points": 0,
    "events": ["deal.won", "deal.lost"],
}


@dataclass
class Person:
    """A contact as it is to be listed."""

    owner: str = ""
    last: datetime | None = None
    points: dict[str, int] = field(default_factory=dict)


@pytest.fixture(scope="module")
async def people(api: Api, worker: Service) -> dict[str, Person]:
    """Give thirty contacts of the account `lists`; many events are of one instant, and some are robots'."""
    document = {"engagement_catalog": 1, "account": "lists", "name": "x", "groups": GROUPS}
    await apply_document(api.dsn, {**document, "definitions": [*DEFINITIONS, DEAL]})
    chance = random.Random(11)
    found: dict[str, Person] = {}
    records = []
    for number in range(30):
        contact, person = f"c{number:02}", Person(owner=f"rep{number % 3}")
        records.append(
            record(
                "lists", "contact.upserted", subject=contact, data=json.dumps({"owner": person.owner}), at=NOW
            )
        )
        for _ in range(chance.randrange(9)):
            event_type, at = chance.choice([*POINTS]), NOW - chance.randrange(1, 70) * DAY
            robot = chance.random() < 0.2
            records.append(record("lists", event_type, subject=contact, at=at, robot=robot))
            if not robot:
                group, worth = POINTS[event_type]
                person.points[group] = person.points.get(group, 0) + worth
                person.last = max(at, person.last or at)
        found[contact] = person
    chance.shuffle(records)
    await worker.batch(records)
    return found


async def _listed(client: Client, limit: int, *, full: bool, **params: Any) -> list[str]:
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        response = await client.get("/contacts", params={**params, "limit": limit, **cursor})
        assert response.status_code == 200, response.text
        page = response.json()
        found += [item["id"] for item in page["items"]]
        if page["next"] is None:
            return found
        assert len(page["items"]) == limit if full else len(page["items"]) <= limit
        cursor = {"cursor": page["next"]}


FILTERS: list[dict[str, Any]] = [
    {},
    {"owner": "rep1"},
    {"q": "c1"},
    {"min": 4},
    {"group": "mail", "max": 6},
    {"group": "purchase", "owner": "rep0"},
    {"segment": "reader"},
    {"segment": "reader", "q": "C0", "min": -3},
]


def _passes(contact: str, person: Person, **filters: Any) -> bool:
    points = person.points.get(filters["group"]) if "group" in filters else sum(person.points.values())
    return (
        person.last is not None
        and person.owner == filters.get("owner", person.owner)
        and contact.startswith(filters.get("q", "c").lower())
        and points is not None
        and filters.get("min", -99) <= points <= filters.get("max", 99)
        and ("segment" not in filters or person.points.get("mail", 0) >= 3)
    )


@pytest.mark.parametrize("sort", ["-last_event_at", "last_event_at"])
@pytest.mark.parametrize("way", [(5000, None), (0, None), (0, (4, 8))], ids=["few", "scan", "short scan"])
async def test_lists_by_last_event(
    api: Api,
    people: dict[str, Person],
    monkeypatch: pytest.MonkeyPatch,
    way: tuple[int, tuple[int, ...] | None],
    sort: str,
) -> None:
    """Pages put together are the contacts with an event that pass the filters, by their last ones, each once.

    Where a scan ends early pages have fewer contacts; a segment's and a search's are full all the same.
    """
    few, steps = way
    monkeypatch.setattr("consumer.web.api.contacts.list_filters._MAX_CANDIDATES", few)
    if steps is not None:
        monkeypatch.setattr("consumer.web.api.contacts.recent_contacts._STEPS", steps)
    reader = {"all": [{"count": {"definitions": ["mail_read"], "min": 1}}]}
    async with api.as_("lists") as client:
        created = await client.post("/segments", json={"key": "reader", "name": "x", "match": reader})
        assert created.status_code in {201, 409}
        for filters in FILTERS:
            # Contacts of one batch are numbered in the order of their ids.
            expected = sorted(
                (person.last, contact)
                for contact, person in people.items()
                if person.last and _passes(contact, person, **filters)
            )
            if sort.startswith("-"):
                expected.reverse()
            ids = [contact for _, contact in expected]
            full = steps is None or not filters.keys().isdisjoint({"segment", "q"})
            assert await _listed(client, 5, full=full, sort=sort, **filters) == ids, filters
            counted = (
                await client.get("/contacts", params={**filters, "sort": sort, "limit": 1, "total": True})
            ).json()
            assert counted["total"] == {"contacts": len(ids), "exact": True}, filters
            exported = (await client.get("/contacts.csv", params={**filters, "sort": sort})).text
            assert [line.split(",")[0] for line in exported.splitlines()[1:]] == ids


async def test_when_the_last_event_was(api: Api, people: dict[str, Person]) -> None:
    """It is shown in lists and of one contact; robots' events are none, and who has none has null."""
    async with api.as_("lists") as client:
        items = (await client.get("/contacts", params={"limit": 200})).json()["items"]
        shown = {item["id"]: item["last_event_at"] for item in items}
        one = (await client.get("/contacts/c07")).json()
    expected = {contact: person.last and rfc3339(person.last) for contact, person in people.items()}
    assert shown == expected
    assert one["last_event_at"] == expected["c07"]
    assert None in expected.values()


async def test_a_join_and_a_deletion_change_the_last_event(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """A survivor's last event is the last of all; undone, each has its own again; a deleted contact has none."""
    account = await new_account(groups=GROUPS, definitions=DEFINITIONS)
    ages = {"ann": 9, "bob": 5, "eve": 7}
    await worker.batch(
        [record(account, "deal.won", subject=who, at=NOW - ago * DAY) for who, ago in ages.items()]
    )

    async def order() -> list[str]:
        await service.carry_out(api.dsn)
        return await _listed(client, 2, full=True, sort="-last_event_at")

    async with api.as_(account) as client:
        assert await order() == ["bob", "eve", "ann"]
        joined = await client.post("/contacts/bob/joins", json={"into": "ann"})
        assert await order() == ["ann", "eve"]
        assert (await client.get("/contacts/bob")).json()["last_event_at"] == rfc3339(NOW - 5 * DAY)
        undone = await client.delete(f"/contacts/bob/joins/{joined.json()['id']}")
        assert undone.status_code == 204, undone.text
        assert await order() == ["bob", "eve", "ann"]
        assert (await client.delete("/contacts/eve")).status_code == 202
        assert await order() == ["bob", "ann"]


async def test_how_scores_have_changed(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """The change over some days is what the history of the score has for them: entries that count, adjustments."""
    profiles = [
        {"key": "lead_score", "name": "Lead score", "primary": True},
        {"key": "second", "name": "Second", "weights": {"deal_won": 7}, "published": True},
    ]
    account = await new_account(groups=GROUPS, definitions=DEFINITIONS, profiles=profiles)
    ages = {"deal.won": (2, 20, 40), "deal.lost": (4,), "mail.read": (20, 20, 35)}
    await worker.batch(
        [record(account, each, at=NOW - ago * DAY) for each, agos in ages.items() for ago in agos]
    )
    async with api.as_(account) as client:
        adjusted = {"group": "mail", "points": -5, "reason": "x", "client_key": "x"}
        assert (await client.post("/contacts/ann/adjustments", json=adjusted)).status_code == 201
        [listed] = (await client.get("/contacts", params={"change": True})).json()["items"]
        assert listed["change"] == {
            "days_7": {"overall": 1, "groups": {"purchase": 6, "mail": -5}},
            "days_30": {"overall": 17, "groups": {"purchase": 16, "mail": 1}},
        }
        assert listed["last_event"] == {"definition": "deal_won", "name": "deal.won", "icon": "trophy"}
        [drawn] = (await client.get("/contacts", params={"trend": True})).json()["items"]
        assert (drawn["change"], listed["trend"]) == (None, None)
        assert drawn["trend"] == {
            "overall": [now - ago for now in [drawn["overall"]] for ago in (1, 1, 1, 5, 5, -5, -5, 0)],
            "groups": {
                "purchase": [drawn["groups"]["purchase"] - ago for ago in (6, 6, 6, 10, 10, 0, 0, 0)],
                "mail": [drawn["groups"]["mail"] - ago for ago in (-5,) * 7] + [drawn["groups"]["mail"]],
            },
        }
        first, second = (await client.get("/contacts/ann")).json()["profiles"]
        assert first["change"] == listed["change"]
        assert second["change"]["days_30"] == {"overall": 16, "groups": {"purchase": 10, "mail": 6}}
        for key, shown in (("lead_score", first), ("second", second)):
            for days in (7, 30):
                until = (NOW - (days + 1) * DAY).date().isoformat()
                history = await client.get(
                    "/contacts/ann/score/history", params={"until": until, "profile": key}
                )
                then = history.json()["days"][-1]["overall"]
                assert shown["overall"] - then == shown["change"][f"days_{days}"]["overall"]
        lookup = {"contacts": ["ann"]}
        assert (await client.post("/scores/lookup", json=lookup)).json()["items"][0]["contact"][
            "change"
        ] is None
        asked = await client.post("/scores/lookup", json={**lookup, "change": True})
        assert asked.json()["items"][0]["contact"]["change"] == listed["change"]
        assert (await client.get("/contacts")).json()["items"][0]["change"] is None
        assert "change" not in (await client.get("/contacts.csv")).text
        exported = (await client.get("/contacts.csv", params={"change": True})).text.splitlines()
        assert dict(zip(exported[0].split(","), exported[1].split(","), strict=True)) == {
            "\ufeffid": "ann",
            **dict.fromkeys(("name", "owner", "email", "tags"), ""),
            "first_seen_at": listed["first_seen_at"],
            "last_event_at": rfc3339(NOW - 2 * DAY),
            "overall": str(listed["overall"]),
            "change_7_days": "1",
            "change_30_days": "17",
            **{group: str(points) for group, points in listed["groups"].items()},
        }


async def test_totals(api: Api, people: dict[str, Person], monkeypatch: pytest.MonkeyPatch) -> None:
    """A total is null unless asked for, exact up to a bound, and "at least" beyond it or where time is up."""
    rep1 = {"owner": "rep1"}

    async def total(**params: Any) -> Any:
        return (await client.get("/contacts", params={"limit": 3, **params})).json()["total"]

    async with api.as_("lists") as client:
        assert await total(**rep1) is None
        assert await total(total=True) == {"contacts": len(people), "exact": True}
        assert await total(total=True, **rep1) == {"contacts": 10, "exact": True}
        cursor = (await client.get("/contacts", params={"limit": 3})).json()["next"]
        assert await total(total=True, cursor=cursor) == {"contacts": len(people), "exact": True}
        monkeypatch.setattr(list_totals, "_MOST", 10)
        assert await total(total=True, **rep1) == {"contacts": 10, "exact": True}
        assert await total(total=True) == {"contacts": 10, "exact": False}
        monkeypatch.setattr(list_totals, "_SECONDS", 0.05)
        monkeypatch.setattr(list_totals, "statement", lambda *_, **__: ("select 1 from pg_sleep(9)", []))
        assert await total(total=True) == {"contacts": 3, "exact": False}
