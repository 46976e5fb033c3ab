"""How scores are distributed: bars that list the contacts they count."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from consumer.web.api.profiles import distribution
from tests.web.account_events import record
from tests.web.three_definitions import DEFINITIONS, GROUPS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.pipeline.service import Service
    from tests.web.api_client import Api, Client

_BOUNDED = {"floor": 0, "cap": 60}


@pytest.fixture
async def client(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> AsyncIterator[Client]:
    """Give a client of an account with 40 contacts of up to 100 points, a few below 0, and one of 4,000."""
    profiles = [
        {"key": "lead_score", "name": "Lead score", "primary": True},
        {"key": "bounded", "name": "Bounded", "published": True, "overall": _BOUNDED},
        {"key": "drafted", "name": "Drafted"},
    ]
    account = await new_account(groups=GROUPS, definitions=DEFINITIONS, profiles=profiles)
    records = [record(account, "contact.upserted", subject=f"c{number}") for number in range(40)]
    for number in range(40):
        types = ["deal.won"] * (number // 4) + ["deal.lost"] * (number % 4) + ["mail.read"] * (number % 3)
        records += [record(account, each, subject=f"c{number}") for each in types]
    records += [record(account, "deal.won", subject="whale") for _ in range(400)]
    await worker.batch(records)
    async with api.as_(account) as client:
        yield client


async def _read(client: Client, profile: str = "lead_score", **asked: Any) -> dict[str, Any]:
    answer = await client.get(f"/profiles/{profile}/distribution", params=asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("group", [None, "purchase", "mail"])
@pytest.mark.parametrize("profile", ["lead_score", "bounded"])
@pytest.mark.parametrize("outliers", [0.0, 0.05])
async def test_a_bar_counts_the_contacts_of_its_list(
    client: Client, monkeypatch: pytest.MonkeyPatch, profile: str, group: str | None, outliers: float
) -> None:
    """The list from `min` to `max` of a bar has as many contacts as the bar; together the bars have all of them."""
    monkeypatch.setattr(distribution, "_OUTLIERS", outliers)
    of_group: dict[str, Any] = {"group": group} if group else {}
    asked: dict[str, Any] = {"profile": profile, **of_group, "limit": 200}
    found = await _read(client, profile, **of_group)
    for bar in found["bars"]:
        ends = {name: bar[name] for name in ("min", "max") if bar[name] is not None}
        listed = (await client.get("/contacts", params={**asked, **ends})).json()["items"]
        assert len(listed) == bar["contacts"], bar
    everyone = (await client.get("/contacts", params=asked)).json()["items"]
    assert sum(bar["contacts"] for bar in found["bars"]) == found["contacts"] == len(everyone)


async def test_bars_are_of_one_width_whatever_the_outliers(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There are at most 24 bars of one round width, without gaps; of a few outliers the last one has no end."""
    monkeypatch.setattr(distribution, "_OUTLIERS", 0.05)
    bars = (await _read(client))["bars"]
    assert len(bars) <= distribution.MOST_BARS
    assert bars[-1]["max"] is None
    inner = bars[1:-1]
    assert {bar["max"] - bar["min"] + 1 for bar in inner} == {5}
    assert all(before["max"] + 1 == after["min"] for before, after in itertools.pairwise(bars))


async def test_counts_are_shared_for_a_minute(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is counted answers for a minute, with its age."""
    first = await _read(client)
    monkeypatch.setattr(distribution, "_count", None)
    again = await _read(client)
    assert again["counted_at"] == first["counted_at"]
    assert 0 <= first["age_seconds"] <= again["age_seconds"] < 60


async def test_what_has_no_distribution(
    client: Client, api: Api, new_account: Callable[..., Awaitable[str]]
) -> None:
    """A draft is 409, an unknown group 422, an unknown profile 404; without contacts there are no bars."""
    assert (await client.get("/profiles/drafted/distribution")).status_code == 409
    assert (await client.get("/profiles/none/distribution")).status_code == 404
    unknown = await client.get("/profiles/lead_score/distribution", params={"group": "none"})
    assert unknown.json()["errors"][0]["field"] == "group"
    async with api.as_(await new_account(groups=GROUPS, definitions=DEFINITIONS)) as empty:
        assert (await _read(empty))["bars"] == []


@pytest.mark.parametrize(
    ("points", "width"), [(1, 1), (23, 1), (24, 2), (101, 5), (231, 20), (4_001, 200), (10**9, 5 * 10**7)]
)
def test_the_width_of_bars(points: int, width: int) -> None:
    """Bars are 1, 2 or 5 times a power of ten wide, as narrow as there can be at most 24 of them."""
    assert distribution._width(points) == width
