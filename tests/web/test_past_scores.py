"""Scores at an instant and by day, under any version, are those of the oracle (semantics 5.36 to 5.39)."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest

from consumer.infra import postgres
from consumer.scoring import adjustments
from consumer.scoring.adjustments import Adjustment
from tests import vectors
from tests.oracle import Oracle
from tests.pipeline import service
from tests.pipeline.purging import purge
from tests.web.account_events import happen, record
from tests.web.api_client import serving
from tests.web.sample_account import begin, draft, finish, publish, scored

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.pipeline.service import Service
    from tests.web.api_client import Api, Client

ACCOUNT, ZONE = "past", "America/New_York"
BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
CONTACTS = ("ann", "bob", "cem")
GROUPS = ("purchase", "mail", "fit")
POINTS = {
    "deal.won": ("purchase", 30),
    "deal.lost": ("purchase", -20),
    "mail.read": ("mail", 7),
    "fits": ("fit", 10),
}
DEDUP = {
    "deal.won": {"policy": "once", "per": "object"},
    "mail.read": {"policy": "cooldown", "interval": "1d"},
}
BANDS = [{"key": "cold"}, {"key": "warm", "min": 20}, {"key": "hot", "min": 50}]
# One after another, each the draft of another version.
VERSIONS: list[dict[str, Any]] = [
    {},
    {"overall": {"floor": 0, "cap": 60, "bands": BANDS}, "groups": {"fit": {"apart": True, "cap": 25}}},
    {"weights": {"mail_read": -2, "deal_won": 11}, "overall": {"bands": BANDS[:2]}, "groups": {}},
    {"inherits": False, "overall": {}},
]  # fmt: skip


def _definition(event_type: str, **changes: Any) -> dict[str, Any]:
    group, points = POINTS.get(event_type, ("mail", 4))
    key = event_type.replace(".", "_")
    entry = {"key": key, "name": key, "group": group, "icon": "trophy", "default_points": points}
    return {**entry, "events": [event_type], "dedup": DEDUP.get(event_type, {"policy": "always"}), **changes}


def _document(**sections: Any) -> dict[str, Any]:
    return {"engagement_catalog": 1, "account": ACCOUNT, **sections}


class _Both:
    """The service and the oracle, which take the same steps."""

    def __init__(self, api: Api, worker: Service) -> None:
        self.api, self.worker, self.oracle = api, worker, Oracle()
        self.instants: list[datetime] = []
        self.chance = random.Random(18)

    async def apply(self, **sections: Any) -> None:
        await service.apply_document(self.api.dsn, _document(**sections))
        self.oracle.apply(_document(**sections))

    async def batches(self, first_day: int, number: int) -> None:
        """Let events happen in some days, some of them late, and two at the same instant now and then."""
        for _ in range(number):
            records = []
            for _ in range(self.chance.randrange(1, 5)):
                at = BEGIN + timedelta(
                    days=first_day + self.chance.randrange(4), hours=self.chance.randrange(24)
                )
                at += timedelta(microseconds=self.chance.choice([0, 1, 500_000]))
                event_type = self.chance.choice([*POINTS, "later"])
                subject, of = self.chance.choice(CONTACTS), self.chance.choice("xyz")
                records.append(record(ACCOUNT, event_type, at=at, subject=subject, objectid=of))
                self.instants.append(at)
            assert await self.worker.batch(records) == self.oracle.batch(records)

    async def adjust(self, contact: str, group: str, points: int) -> None:
        given = Adjustment(
            account=ACCOUNT,
            contact=contact,
            profile="lead_score",
            group=group,
            points=points,
            reason="x",
            author="mia",
            client_key="1",
        )
        connection = await postgres.connect(self.api.dsn)
        await adjustments.add(connection, given)
        at = await connection.fetchval("select max(created_at) from adjustments")
        await connection.close()
        self.oracle.adjust(ACCOUNT, contact, "lead_score", group, points, at=at)
        self.instants += [at, at + timedelta(microseconds=1)]


@pytest.fixture(scope="module")
async def both(api: Api, worker: Service) -> _Both:
    """Give an account of four versions, with late events, adjustments, a join and a purge between them."""
    both = _Both(api, worker)
    first = {"key": "lead_score", "name": "Lead score", "primary": True, "published": True, **VERSIONS[0]}
    await both.apply(
        name="x",
        time_zone=ZONE,
        groups=[{"key": key, "name": key, "icon": "cart"} for key in GROUPS],
        definitions=[_definition(event_type) for event_type in POINTS],
        profiles=[first],
    )
    await both.batches(0, 12)
    await both.apply(profiles=[{"key": "lead_score", **VERSIONS[1]}])
    await both.batches(3, 8)
    # It joins version 2, and not version 1.
    await both.apply(definitions=[_definition("later")])
    await both.batches(4, 8)
    await both.adjust("ann", "mail", 13)
    await both.adjust("bob", "fit", -4)
    await both.apply(definitions=[_definition("deal.lost", group="mail")])
    await both.apply(profiles=[{"key": "lead_score", **VERSIONS[2]}])
    await both.batches(2, 8)
    connection = await postgres.connect(api.dsn)
    await purge(connection, ACCOUNT, BEGIN + timedelta(days=2, hours=5))
    await connection.close()
    both.oracle.purge(ACCOUNT, BEGIN + timedelta(days=2, hours=5))
    joined = [
        record(ACCOUNT, "contact.merged", subject="cem", at=BEGIN + timedelta(days=9), data='{"into": "bob"}')
    ]
    await worker.batch(joined)
    both.oracle.batch(joined)
    await service.carry_out(api.dsn)
    both.oracle.carry_out()
    await both.apply(profiles=[{"key": "lead_score", **VERSIONS[3]}])
    await both.batches(6, 8)
    return both


@pytest.fixture
async def client(api: Api, both: _Both) -> AsyncIterator[Client]:
    """Give a client of that account."""
    async with api.as_(both.oracle.accounts[ACCOUNT].key) as client:
        yield client


async def test_scores_at_instants_are_the_oracles(client: Client, both: _Both) -> None:
    """Of each contact, at events, just after them and without an instant, under each version and without one."""
    asked: list[datetime | None] = [None, *both.chance.sample(both.instants, 20)]
    asked += [both.instants[0] + timedelta(microseconds=1), BEGIN - timedelta(days=9), *both.instants[-4:]]
    scores = set()
    for contact in ("ann", "bob"):
        for at in asked:
            for version in (None, 1, 2, 3, 4):
                params: dict[str, Any] = {"at": at and at.isoformat(), "version": version}
                answer = await client.get(
                    f"/contacts/{contact}/score",
                    params={name: value for name, value in params.items() if value is not None},
                )
                assert answer.status_code == 200, answer.text
                body = answer.json()
                expected = both.oracle.score_at(ACCOUNT, "lead_score", contact, at=at, version=version)
                assert {"overall": body["overall"], **body["groups"]} == expected, params
                assert (body["id"], body["version"]) == (contact, version or 4)
                assert body["at"] is None or datetime.fromisoformat(body["at"]) == at
                assert body["apart"] == (["fit"] if version == 2 else [])
                assert body["band"] in {2: ("cold", "warm", "hot"), 3: ("cold", "warm")}.get(
                    version or 4, (None,)
                )
                scores.add((contact, *expected.values()))
    assert len(scores) > 40


async def test_histories_under_versions_are_the_oracles(client: Client, both: _Both) -> None:
    """Each day of a history has the score at its end; a day that is not listed shows what the one before did."""
    zone = ZoneInfo(ZONE)
    days = 0
    for contact in ("ann", "bob"):
        for version in (None, 1, 2, 3, 4):
            params = {} if version is None else {"version": version}
            body = (await client.get(f"/contacts/{contact}/score/history", params=params)).json()
            assert body["version"] == (version or 4)
            listed = {each["day"]: each for each in body["days"]}
            days += len(listed)
            shown = {"overall": body["before"]["overall"], **body["before"]["groups"]}
            for number in range(-1, 12):
                day = (BEGIN + timedelta(days=number)).astimezone(zone).date()
                ends = datetime.combine(day + timedelta(days=1), datetime.min.time(), zone)
                if each := listed.get(day.isoformat()):
                    shown = {"overall": each["overall"], **each["groups"]}
                expected = both.oracle.score_at(ACCOUNT, "lead_score", contact, at=ends, version=version)
                assert shown == expected, (contact, version, day)
    assert days > 30


async def test_what_is_no_longer_on_the_timeline_is_named(client: Client, both: _Both) -> None:
    """`carried` is what the score of an instant before all events is made of, before its bounds."""
    long_ago = (BEGIN - timedelta(days=30)).isoformat()
    for contact in ("ann", "bob"):
        body = (await client.get(f"/contacts/{contact}/score", params={"at": long_ago, "version": 1})).json()
        assert body["carried"]["groups"] == body["groups"]
        assert body["carried"]["overall"] == body["overall"] != 0
        now = (await client.get(f"/contacts/{contact}/score", params={"version": 1})).json()
        assert now["carried"] == body["carried"]
    assert both.oracle.score_at(ACCOUNT, "lead_score", "ann", at=BEGIN - timedelta(days=30), version=1)[
        "overall"
    ]


async def test_without_parameters_it_is_the_score(client: Client) -> None:
    """It is what the contact's page shows; an id that was joined to another has the survivor's."""
    for contact in ("ann", "cem"):
        [shown] = (await client.get(f"/contacts/{contact}")).json()["profiles"]
        body = (await client.get(f"/contacts/{contact}/score")).json()
        for name in ("overall", "band", "groups", "group_bands"):
            assert body[name] == shown[name]
    assert body["id"] == "bob"


_REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"version": 9}, 404, "there is no version 9 of profile lead_score"),
    ({"version": 2}, 404, "there is no version 2 of profile lead_score"),
    ({"version": 1, "profile": "drafted"}, 409, "profile drafted was never published and has no scores yet"),
    ({"version": 0}, 422, "version"),
    ({"version": 3_000_000_000}, 422, "version"),
    ({"at": "2026-03-02"}, 422, "at"),
    ({"at": "2026-03-02T10:00:00"}, 422, "at"),
    ({"at": "9999-03-02T10:00:00Z"}, 422, "at"),
]


async def test_what_cannot_be_asked(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """A version that readers never saw is not found, one that is being built or was cancelled neither."""
    async with api.as_(await scored(worker, new_account)) as client:
        await client.post("/profiles", json={"key": "drafted", "name": "Drafted"})
        await draft(client, weights={"deal_won": 60})
        begun = (await begin(client)).json()["id"]
        for state in ("building", "cancelled"):
            for params, status, says in _REFUSED:
                for path in ("", "/history") if "at" not in params else ("",):
                    refused = await client.get(f"/contacts/ann/score{path}", params=params)
                    assert refused.status_code == status, (state, params, refused.text)
                    body = refused.json()
                    assert says == (body["errors"][0]["field"] if status == 422 else body["detail"])
            await client.post(f"/profiles/lead_score/publishes/{begun}/cancel")
            await finish(api, begun)
        # The number of the cancelled one is not used again.
        await publish(api, client)
        assert (await client.get("/contacts/ann/score", params={"version": 3})).json()["overall"] == 62


async def test_an_archived_profile_has_no_scores_of_the_past(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """As long as it is archived, it is refused under any version."""
    async with api.as_(await scored(worker, new_account)) as client:
        await client.post("/profiles", json={"key": "second", "name": "Second"})
        await publish(api, client, "second")
        asked: dict[str, Any] = {"profile": "second", "version": 1}
        assert (await client.get("/contacts/ann/score", params=asked)).json()["overall"] == 52
        await client.edit("/profiles/second", {"archived": True})
        assert (await client.get("/contacts/ann/score", params=asked)).status_code == 409


@pytest.mark.parametrize(
    "vector",
    [each for each in vectors.load() if "scores_at" in each.expect],
    ids=lambda vector: vector.name,
)
async def test_vectors(vector: vectors.Vector, database: str) -> None:
    """The vectors' scores at instants, over HTTP."""
    connection = await postgres.connect(database)
    async with (
        service.running(database) as worker,
        serving(database) as api,
        api.as_(vector.account) as client,
    ):
        for step in vector.steps:
            if isinstance(step, vectors.Apply):
                await worker.apply(step.document)
            elif isinstance(step, vectors.Purge):
                await purge(connection, vector.account, step.horizon)
            else:
                await worker.batch(step.records)
        for asked in vector.expect["scores_at"]:
            params = {name: asked[name] for name in ("at", "version") if asked[name] is not None}
            body = (await client.get(f"/contacts/{asked['contact']}/score", params=params)).json()
            assert {"overall": body["overall"], **body["groups"]} == asked["score"], asked
    await connection.close()


async def test_an_id_that_ends_like_a_route(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """A slash of an id is sent as %2F: `x%2Fscore` is the contact `x/score`, and `x/score` the score of `x`."""
    account = await scored(worker, new_account)
    ids = ["x/score", "x/timeline", "x/ids", "ann/joins/1", "x/%2F", "x/"]
    for contact in ids:
        await happen(worker, account, "deal.won", subject=contact)
    async with api.as_(account) as client:
        assert (await client.get("/contacts/x/score")).status_code == 404
        for contact in ids:
            for quoted in (quote(contact, safe=""), quote(contact, safe="").replace("%2F", "%2f")):
                assert (await client.get(f"/contacts/{quoted}")).json()["id"] == contact
                assert (await client.get(f"/contacts/{quoted}/score")).json()["overall"] == 50
        assert (await client.delete("/contacts/ann%2Fjoins%2F1")).status_code == 202
        assert (await client.delete("/contacts/ann/joins/1")).status_code != 202
