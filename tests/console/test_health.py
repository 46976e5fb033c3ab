"""Health: the service for operators of all accounts, and dead letters from page to replay."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest
from playwright.async_api import expect

from consumer.web.console.health.line_chart import drawn
from consumer.web.http.auth import Permission
from consumer.web.live.lag_history import LagHistory
from consumer.web.tracker.recent_requests import UNKNOWN, RecentRequest, RecentRequests
from tests.builders.events import event
from tests.console import hostile
from tests.web.account_events import record
from tests.web.sample_account import GROUPS, WON

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from consumer.infra.postgres.connection import Connection
    from tests.console.console_client import Console
    from tests.console.in_browser import Window
    from tests.pipeline.service import Service
    from tests.web.api_client import Api

_NOW = datetime.now(UTC)


@pytest.fixture
async def account(new_account: Callable[..., Awaitable[str]]) -> str:
    """Name an account in which deals count."""
    return await new_account(groups=GROUPS, definitions=[WON])


@pytest.fixture
def history(api: Api) -> Iterator[LagHistory]:
    """Give the history of a process that knows Kafka, with a rise and fall within the last hour."""
    api.app.state.lag_history = made = LagHistory(knows_kafka=True)
    for number in range(100):
        records = max(0, 100 - abs(number - 60) * 8)
        lanes = {("calls", 50): (records, records / 10), ("visits", 50): (number % 3, 0.2)}
        at = _NOW - (100 - number) * timedelta(seconds=30)
        made.add(at, {} if 20 < number < 30 else lanes, number % 7)
    yield made
    api.app.state.lag_history = None


@pytest.fixture
async def lanes(observer: Connection) -> AsyncIterator[None]:
    """Have lanes of two topics, one of which is stopped, and a worker that is alive."""
    await observer.execute(
        "insert into lanes (topic, partition, next_offset, stopped) values "
        "('calls', 50, 7, 'dead_letters'), ('visits', 50, 9, null), ('visits', 51, 9, null); "
        "insert into workers (name, pipelines, backend, expires_at) "
        "values ('host:1', '{0,1}', pg_backend_pid(), now() + interval '1 hour'); "
        "insert into slices (number, worker_id, pipeline) select 50, id, 1 from workers where name = 'host:1'"
    )
    yield
    await observer.execute(
        "delete from lanes where partition >= 50; delete from workers where name = 'host:1'; "
        "delete from slices where number = 50"
    )


async def _die(worker: Service, account: str, *subjects: str, data: str = '{"amount": "much"}') -> None:
    outcomes = await worker.batch([record(account, "deal.won", subject=each, data=data) for each in subjects])
    assert outcomes == ["dead data_invalid"] * len(subjects)


async def test_one_account_has_its_dead_letters_and_not_the_service(console: Console, account: str) -> None:
    """An operator of one account is led to its dead letters, and sees nothing of the whole service."""
    person = await console.as_(account)
    page = await person.open(f"/console/{account}/health")
    assert page.url.path == f"/console/{account}/health/dead-letters"
    assert "Service" not in page.text
    assert "No dead letters" in page.text
    reader = await console.as_(account, [Permission.READ, Permission.MANAGE])
    assert (await reader.open(f"/console/{account}/health")).status_code == 403
    assert "/health" not in (await reader.open(f"/console/{account}/settings")).text


@pytest.mark.usefixtures("lanes", "history")
async def test_the_service_is_shown_to_operators_of_all_accounts(console: Console, account: str) -> None:
    """Lag, stopped lanes with their way out, lanes that nobody reads and workers are on the page."""
    person = await console.as_("*")
    page = await person.open(f"/console/{account}/health")
    assert page.status_code == 200
    assert "<h3>calls</h3>" in page.text
    assert "At most 100." in page.text
    assert page.text.count("<polyline") == 5
    assert "engagement lanes resume calls 50" in page.text
    assert "host:1/1" in page.text
    assert ">none<" in page.text


@pytest.mark.usefixtures("lanes")
async def test_what_is_not_known_is_said(console: Console, account: str) -> None:
    """Without an address of Kafka the page says that lag is not known, and shows the rest."""
    page = await (await console.as_("*")).open(f"/console/{account}/health")
    assert "This server has no address of Kafka" in page.text
    assert "Nothing was measured yet." in page.text


def test_lines_have_gaps() -> None:
    """A line of the last hour begins and ends at its values, and has a gap where nothing is known."""
    hour = timedelta(hours=1)
    values = [
        (_NOW - hour, 0),
        (_NOW - hour / 2, 10),
        (_NOW - hour / 4, None),
        (_NOW, 5),
        (_NOW - 2 * hour, 7),
    ]
    chart = drawn(_NOW, [(at.isoformat(), value) for at, value in values])
    assert chart.lines == ["0.0,48.0 120.0,0.0", "240.0,24.0"]
    assert chart.most == 10
    assert drawn(_NOW, []).most is None


async def test_a_dead_letter_is_read_and_replayed(
    console: Console, api: Api, worker: Service, account: str
) -> None:
    """A dead letter is shown byte for byte; replayed before its cause is mended it stays, and the page says so."""
    await _die(worker, account, "ann", "bob")
    person = await console.as_(account)
    path = f"/console/{account}/health/dead-letters"
    page = await person.open(path)
    ids = re.findall(r'name="ids" value="([^"]+)"', page.text)
    assert len(ids) == 2
    letter = await person.open(f"{path}/{ids[0]}")
    assert "{&#34;amount&#34;: &#34;much&#34;}" in letter.text
    page = await person.submit(f"{path}/replay", ids=ids[:1])
    assert "Replayed: 1. Gone now: 0. Still dead, or without effect: 1." in page.text
    async with api.as_(account) as client:
        await client.edit("", {"engagement": False})
    assert "No dead letter was chosen." in (await person.submit(f"{path}/replay")).text


async def test_a_replay_of_what_was_fixed_takes_effect(
    console: Console, api: Api, worker: Service, account: str, observer: Connection
) -> None:
    """All that match are replayed with one press once their cause is fixed: they are gone, and count."""
    await _die(worker, account, "ann", "bob")
    await observer.execute(
        """
        update dead_letters set value = convert_to(replace(convert_from(value, 'UTF8'), '"much"', '12'), 'UTF8')
        where account_key = $1
        """,
        account,
    )
    person = await console.as_(account)
    path = f"/console/{account}/health/dead-letters"
    await person.open(path)
    page = await person.submit(f"{path}/replay", every="1")
    assert "Replayed: 2. Gone now: 2." in page.text
    assert "No dead letters" in page.text
    async with api.as_(account) as client:
        contacts = (await client.get("/contacts")).json()["items"]
    assert {each["id"]: each["overall"] for each in contacts} == {"ann": 50, "bob": 50}


async def test_calls_with_unknown_keys_are_shown(console: Console, api: Api, account: str) -> None:
    """Operators of all accounts see calls of the tracker whose key no token has; those of one account do not."""
    person = await console.as_("*")
    path = f"/console/{account}/health/unknown-keys"
    assert "This server has no tracker beside it" in (await person.open(path)).text
    api.app.state.recent_requests = recent = RecentRequests()
    try:
        assert "No call with a key that no token has" in (await person.open(path)).text
        recent.note(
            UNKNOWN,
            RecentRequest(at=_NOW, call="track", status=401, reason="unknown_key", detail=hostile.IMAGE),
        )
        page = await person.open(path)
        assert "compare the key in the page" in page.text
        assert hostile.is_escaped(page.text)
        assert (await (await console.as_(account)).open(path)).status_code == 404
    finally:
        api.app.state.recent_requests = None


async def test_all_that_match_are_discarded_after_a_warning(
    console: Console, worker: Service, account: str
) -> None:
    """Discarding says how many go before it is done; all that match go, and no others."""
    await _die(worker, account, "ann", "bob", "eve")
    await worker.batch([record(account, "deal.won", subject="kim", data="[]")])
    person = await console.as_(account)
    path = f"/console/{account}/health/dead-letters"
    await person.open(path)
    asked = await person.submit(f"{path}/discard", every="1", reason="data_invalid")
    assert "3 dead letters are deleted for good." in asked.text
    page = await person.submit(f"{path}/discard", every="1", reason="data_invalid", confirmed="1")
    assert "Discarded: 3." in page.text
    assert len(re.findall(r'name="ids"', (await person.open(path)).text)) == 1


async def test_filters_say_what_is_wrong(console: Console, account: str) -> None:
    """A day that is none is a fault at its filter."""
    page = await (await console.as_(account)).open(f"/console/{account}/health/dead-letters", since="soon")
    assert page.status_code == 422
    assert 'id="fault-since"' in page.text


async def test_script_in_records_is_text(console: Console, worker: Service, account: str) -> None:
    """Script in the value, key, headers and detail of a record is shown, never put in as markup."""
    for text in hostile.TEXTS:
        await _die(worker, account, text, data=json.dumps({"amount": text}))
        [made] = worker.feed.records([event()])
        headers = (*made.headers, (text, text.encode()))
        broken = msgspec.structs.replace(made, value=text.encode(), key=text.encode(), headers=headers)
        await worker.process([broken])
        person = await console.as_("*", actor=text)
        for of in ("", "none"):
            path = f"/console/{account}/health/dead-letters"
            page = await person.open(path, of=of)
            assert hostile.is_escaped(page.text)
            ids = re.findall(r'name="ids" value="([^"]+)"', page.text)
            assert ids
            for each in ids:
                letter = await person.open(f"{path}/{each}", of=of)
                assert letter.status_code == 200
                assert hostile.is_escaped(letter.text)
        filters = dict.fromkeys(("reason", "topic", "since", "of"), text)
        assert hostile.is_escaped((await person.open(path, **filters)).text)
        asked = await person.submit(f"{path}/discard", ids=ids, topic=text)
        assert hostile.is_escaped(asked.text)


@pytest.mark.usefixtures("lanes", "history")
async def test_health_in_the_browser(
    window: Callable[..., Awaitable[Window]], worker: Service, account: str
) -> None:
    """An operator reads a dead letter and replays it with the keyboard; no page has a serious finding."""
    await _die(worker, account, "ann", "bob")
    ann = await window("*")
    page = ann.page
    await ann.open(f"/console/{account}/health")
    assert await ann.looked_at("health") == {}
    await page.get_by_role("link", name="Unknown keys").press("Enter")
    assert await ann.looked_at("unknown-keys") == {}
    await page.get_by_role("link", name="Dead letters").press("Enter")
    await expect(page.get_by_role("row")).to_have_count(3)
    assert await ann.looked_at("dead-letters") == {}
    await page.get_by_role("link", name="data_invalid").first.press("Enter")
    await expect(page.get_by_role("heading", name="Value")).to_be_visible()
    assert await ann.looked_at("dead-letter") == {}
    await page.get_by_role("button", name="Replay").press("Enter")
    await expect(page.get_by_text("Still dead, or without effect: 1.")).to_be_visible()
    await page.get_by_label("All that match").press("Space")
    await page.get_by_role("button", name="Discard").press("Enter")
    assert await ann.looked_at("discard") == {}
    await page.get_by_role("button", name="Discard for good").press("Enter")
    await expect(page.get_by_text("Discarded: 2.")).to_be_visible()
    assert await ann.looked_at("dead-letters-none") == {}
    assert ann.complaints == []
