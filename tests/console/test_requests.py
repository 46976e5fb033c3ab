"""Requests as no browser of a person sends them: they are answered, by what is wrong with them, and cost little."""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
import pytest

from consumer.web.console import reader
from consumer.web.console.application import ROUTES
from tests.builders.events import dated_event
from tests.console.console_client import Person
from tests.console.sample import sales_account
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.console.console_client import Console
    from tests.pipeline.service import Service
    from tests.web.api_client import Api

    NewAccount = Callable[..., Awaitable[str]]


# Of all forms.
FIELDS = (
    "points group reason client_key profile revision into join adjustment name key description icon xp events "
    "default_points when-0-path when-0-value when-0-of when-0-kind policy amount unit per sample inbox since draft "
    "count_past old_valid_for origins per_second per_day ids every of topic confirmed kind id subject url types "
    "time_zone retention do c.0.min c.0.group how floor cap min-0 key-0 remove add up archived version after "
    "before weight-deal_won place check was_name event data text count "
)


@pytest.fixture
async def stranger(console: Console) -> Person:
    """Give somebody who is not signed in."""
    return Person(transport=httpx.ASGITransport(console.app), base_url="http://console")


async def test_bodies_that_are_too_large(console: Console, stranger: Person, new_account: NewAccount) -> None:
    """A form of more than 1 MiB, or of more than 10,000 fields, is refused as that, to anyone."""
    account = await new_account()
    person = await console.as_(account)
    await person.open(f"/console/{account}/settings")
    for body in (b"csrf=" + b"x" * 1_048_576, b"a&" * 10_001):
        headers = {"content-type": "application/x-www-form-urlencoded"}
        for path in (f"/console/{account}/catalog/try", f"/console/{account}/settings/general"):
            answer = await person.post(path, content=body, headers={**headers, "x-csrf-token": person.csrf})
            assert answer.status_code == 413, path
        assert (await stranger.post("/console/session", content=body, headers=headers)).status_code == 413


@pytest.mark.parametrize(
    "to", ["//[", "//[x]/console", "/console/\r\nx: y", "/console//[", "\u00e9", "%00", "/console/%2f%2fx"]
)
async def test_addresses_to_lead_to(stranger: Person, to: str) -> None:
    """Whatever the page after signing in is said to be, the page says how to sign in."""
    assert (await stranger.get("/console/sign-in", params={"to": to})).status_code == 200


async def test_what_browsers_say_of_languages_is_not_kept(stranger: Person) -> None:
    """Languages that nobody has do not fill the memory."""
    for number in range(200):
        tags = ",".join(
            f"en-{letters:x}" for letters in range(0xA0000000 + number * 16, 0xA0000000 + number * 16 + 12)
        )
        await stranger.get("/console/sign-in", headers={"accept-language": tags})
    assert reader._parsed.cache_info().currsize <= 500


async def test_the_way_back_to_a_page(console: Console, stranger: Person, new_account: NewAccount) -> None:
    """Signing in and choosing a language lead back to the page of a contact, whatever signs its id has."""
    account = await new_account()
    person = await console.as_(account)
    for quoted in ("a%2Fb", "a%3Fb", "a%23b", "a%25b", "a%252Fb", "%C3%A9%20b", "%22%3E%3Cscript%3E"):
        path = f"/console/{account}/contacts/{quoted}"
        led = await stranger.get(f"{path}?range=30")
        assert httpx.URL(led.headers["location"]).params["to"] == f"{path}?range=30"
        page = await person.open(f"{path}?range=30")
        assert f'name="back" value="{path}?range=30"' in page.text
        back = await person.submit("/console/~preferences", language="pt", back=f"{path}?range=30")
        assert back.url.raw_path.decode() == f"{path}?range=30"


async def test_many_requests_of_one_account(console: Console, api: Api, new_account: NewAccount) -> None:
    """Requests of one account, or without a session, wait for connections in lines of their own."""
    mine, theirs = await new_account(), await new_account()
    flood, person = await console.as_(mine), await console.as_(theirs)
    nobody = Person(transport=httpx.ASGITransport(console.app), cookies={"engagement_session": "x"})
    for each, account in ((flood, mine), (person, theirs)):
        await each.open(f"/console/{account}/settings")
    async with AsyncExitStack() as held:
        for number in range(4):
            await held.enter_async_context(api.app.state.connections.of(f"x{number}").connection())
        many = [each.get("http://console/console") for each in (flood, nobody) for _ in range(270)]
        waiting = [asyncio.ensure_future(each) for each in many]
        # As many of an account wait for a connection.
        refused = 2 * (270 - 256)
        await eventually(
            lambda: sum(each.done() for each in waiting) == refused, within=20, what="lines are full"
        )
        answer = asyncio.ensure_future(person.get(f"/console/{theirs}/settings"))
        await asyncio.sleep(0)
    assert (await answer).status_code == 200
    assert {each.status_code for each in await asyncio.gather(*waiting)} == {303, 503}


async def test_fields_that_no_form_has(console: Console, worker: Service, new_account: NewAccount) -> None:
    """Whatever is in the fields of a form, the answer says what is wrong with it: on every route."""
    account = await sales_account(worker, new_account)
    person = await console.as_(account)
    named = {"account": account, "contact": "ann", "definition": "deal_won", "profile": "lead_score"}
    await person.open(f"/console/{account}/settings")
    more = {"csrf": person.csrf, "conditions": "1", "when-0-op": "in", "c.0.kind": "score"}
    for route in ROUTES:
        if "POST" not in (route.methods or ()) or "{account}" not in route.path:
            continue
        path = re.sub(r"\{(\w+)(:\w+)?\}", lambda part: named.get(part[1], "support"), route.path)
        for text in ("\u20ac", "a\rb", "9" * 5_000, "drop:0:" + "9" * 5_000, "[" * 5_000):
            answer = await person.post(path, data={**dict.fromkeys(FIELDS.split(), text), **more})
            assert answer.status_code < 500, (path, text[:10])


@pytest.mark.parametrize("depth", [900, 5_000])
async def test_deep_data_of_events(
    console: Console, worker: Service, new_account: NewAccount, depth: int
) -> None:
    """An event with data as deep as one likes does not keep anyone from seeing its contact."""
    account = await sales_account(worker, new_account)
    data = f'{{"a": {"[" * depth}{"]" * depth}}}'
    event = {"type": "deal.won", "accountid": account, "subject": "ann", "objectid": "deep", "data": data}
    await worker.batch([dated_event("deep", datetime.now(UTC), **event)])
    person = await console.as_(account)
    for path in ("contacts/ann?data=1", "health/dead-letters", "catalog/inbox"):
        assert (await person.open(f"/console/{account}/{path}")).status_code == 200, path
