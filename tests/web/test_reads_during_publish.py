"""Readers over HTTP see one version for all contacts at any moment of a publish."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from consumer.infra import postgres
from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.scoring import profile_publish
from consumer.scoring.profile_publish import steps
from consumer.web.http.outward_ids import PUBLISH
from tests.web.account_events import happen
from tests.web.sample_account import GROUPS, OPENED, WON, begin, draft

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import pytest

    from tests.pipeline.service import Service
    from tests.web.api_client import Api, Client

CONTACTS = ("ann", "bob", "cid", "dot", "eve")
TYPES = {"deal.won": "deal_won", "email.opened": "email_opened"}
# What one event counts for under each version, by definition, and in which group.
SAYS = {
    1: {"deal_won": (50, "purchase"), "email_opened": (1, "mail")},
    2: {"deal_won": (3, "mail"), "email_opened": (20, "mail")},
    3: {"deal_won": (3, "mail"), "email_opened": (20, "mail")},
}


@dataclass
class Reader:
    """Polls every route that shows scores, and knows each contact's scores under each version."""

    client: Client
    worker: Service
    account: str
    counted: Counter[tuple[str, str]] = field(default_factory=Counter)
    seen: list[int] = field(default_factory=list)

    async def happen(self, who: str, event_type: str) -> None:
        """Let one more event count for a contact."""
        assert await happen(self.worker, self.account, event_type, subject=who) == ["applied"]
        self.counted[who, TYPES[event_type]] += 1

    async def look(self) -> None:
        """Read everything: all of it is of one version, and exactly what that says."""
        version = await self._list()
        self.seen.append(version)
        who = CONTACTS[len(self.seen) % len(CONTACTS)]
        overall, groups = self._expected(who, version)
        contact = (await self.client.get(f"/contacts/{who}")).json()
        [scores] = contact["profiles"]
        assert (scores["version"], scores["overall"], scores["groups"]) == (version, overall, groups)
        found = (await self.client.post("/scores/lookup", json={"contacts": [who]})).json()
        assert (found["version"], found["items"][0]["contact"]["overall"]) == (version, overall)
        explained = (await self.client.get(f"/contacts/{who}/score/explanation")).json()
        assert (explained["version"], explained["overall"]) == (version, overall)

    async def _list(self) -> int:
        version: int | None = None
        cursor: dict[str, str] = {}
        shown: list[dict[str, Any]] = []
        while True:
            answer = await self.client.get("/contacts", params={"sort": "-score", "limit": 2, **cursor})
            assert answer.status_code == 200, answer.text
            page = answer.json()
            assert version in {None, page["version"]}
            version = page["version"]
            shown += page["items"]
            if page["next"] is None:
                break
            cursor = {"cursor": page["next"]}
        assert version is not None
        assert {each["id"]: (each["overall"], each["groups"]) for each in shown} == {
            who: self._expected(who, version) for who in CONTACTS
        }
        assert [each["overall"] for each in shown] == sorted(
            (each["overall"] for each in shown), reverse=True
        )
        return version

    def _expected(self, who: str, version: int) -> tuple[int, dict[str, int]]:
        points = Counter(dict.fromkeys(("purchase", "mail"), 0))
        for definition, (weight, group) in SAYS[version].items():
            points[group] += self.counted[who, definition] * weight
        return points.total(), dict(points)


async def test_a_reader_never_sees_two_versions_mixed(
    api: Api,
    worker: Service,
    new_account: Callable[..., Awaitable[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After every step of a cancelled publish and of one that ends, with events between, all is of one version."""
    monkeypatch.setattr(steps.Publishes, "contacts_per_step", 1)
    account = await new_account(groups=GROUPS, definitions=[WON, OPENED])
    keeper = ConnectionKeeper(lambda: postgres.connect(api.dsn))
    async with api.as_(account) as client:
        reader = Reader(client, worker, account)
        for who in CONTACTS:
            await reader.happen(who, "deal.won")
        await client.edit("/definitions/deal_won", {"group": "mail"})
        await draft(client, weights={"deal_won": 3, "email_opened": 20})
        for gives_up in (True, False):
            number = (await begin(client)).json()["id"]
            place = 0
            async for status in profile_publish.run_publish(keeper, await api.number(PUBLISH, number)):
                await reader.look()
                place += 1
                await reader.happen(CONTACTS[place % 5], ("deal.won", "email.opened")[place % 2])
                await reader.look()
                if gives_up and status.state == "building" and status.done == 3:
                    assert (await client.post(_cancelling(number))).status_code == 200
    keeper.drop()
    assert reader.seen == sorted(reader.seen)
    assert set(reader.seen) == {1, 3}


def _cancelling(number: int) -> str:
    return f"/profiles/lead_score/publishes/{number}/cancel"


async def test_a_page_that_was_begun_before_the_flip_is_not_gone_on_with_after_it(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """A cursor of the version before is 410, however far the list had been read."""
    account = await new_account(groups=GROUPS, definitions=[WON, OPENED])
    await happen(worker, account, "deal.won", subject="ann")
    await happen(worker, account, "deal.won", subject="bob")
    keeper = ConnectionKeeper(lambda: postgres.connect(api.dsn))
    async with api.as_(account) as client:
        page = (await client.get("/contacts", params={"limit": 1})).json()
        more = {"limit": 1, "cursor": page["next"]}
        await draft(client, weights={"deal_won": 3})
        number = (await begin(client)).json()["id"]
        answers = set()
        async for status in profile_publish.run_publish(keeper, await api.number(PUBLISH, number)):
            answer = await client.get("/contacts", params=more)
            answers.add((status.state, answer.status_code))
    keeper.drop()
    assert answers == {("building", 200), ("announcing", 410), ("done", 410)}
