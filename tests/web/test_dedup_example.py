"""What a dedup policy does to five events, shown before it is saved."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.web.api_client import Api

COUNTED, COOLING, ALREADY = "counted", "cooling_down", "already_counted"
HOUR = 3600


@pytest.mark.parametrize(
    ("dedup", "verdicts"),
    [
        ({}, [COUNTED] * 5),
        ({"policy": "once"}, [COUNTED, ALREADY, ALREADY, ALREADY, ALREADY]),
        ({"policy": "once", "per": "object"}, [COUNTED, COUNTED, ALREADY, ALREADY, ALREADY]),
        ({"policy": "cooldown", "interval": "4h"}, [COUNTED, COOLING, COOLING, COUNTED, COOLING]),
        (
            {"policy": "cooldown", "interval": "4h", "per": "object"},
            [COUNTED, COUNTED, COOLING, COOLING, COUNTED],
        ),
    ],
)
async def test_five_events_are_judged(
    api: Api, new_account: Callable[..., Awaitable[str]], dedup: dict[str, Any], verdicts: list[str]
) -> None:
    """Five events of two objects get the verdicts that they would get in a batch; one is an interval late."""
    async with api.as_(await new_account()) as client:
        shown = await client.post("/dedup-example", json={"dedup": dedup})
    assert shown.status_code == 200, shown.text
    assert [each["verdict"] for each in shown.json()["events"]] == verdicts


async def test_events_lie_a_quarter_of_the_interval_apart(
    api: Api, new_account: Callable[..., Awaitable[str]]
) -> None:
    """Each event has its distance from the first one and from the last one that counted."""
    async with api.as_(await new_account()) as client:
        shown = (
            await client.post("/dedup-example", json={"dedup": {"policy": "cooldown", "interval": "4h"}})
        ).json()
    assert shown["interval_seconds"] == 4 * HOUR
    assert [each["seconds"] / HOUR for each in shown["events"]] == [0, 1, 3, 4, 6]
    assert [each["since_counted"] for each in shown["events"]] == [None, HOUR, 3 * HOUR, 4 * HOUR, 2 * HOUR]


async def test_a_policy_that_is_none_is_refused_at_its_field(
    api: Api, new_account: Callable[..., Awaitable[str]]
) -> None:
    """A cooldown without an interval, and an interval that is none, have the fault of a definition."""
    async with api.as_(await new_account()) as client:
        missing = await client.post("/dedup-example", json={"dedup": {"policy": "cooldown"}})
        wrong = await client.post("/dedup-example", json={"dedup": {"policy": "cooldown", "interval": "x"}})
    assert (missing.status_code, wrong.status_code) == (422, 422)
    assert [each["field"] for each in missing.json()["errors"]] == ["dedup"]
    assert [each["field"] for each in wrong.json()["errors"]] == ["dedup.interval"]
