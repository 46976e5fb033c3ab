"""Segment's own libraries for Python and Node, unmodified: given another host and key, all arrives once."""

from __future__ import annotations

import asyncio
import shutil
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from segment.analytics.client import Client

from tests.npm_packages import installed, node

if TYPE_CHECKING:
    from tests.tracker.site import Site, Token


_NODE_LIBRARY = Path(__file__).with_name("node_library")


def _client(site: Site, token: Token, **settings: Any) -> Client:
    return Client(
        token.key,
        host=f"http://127.0.0.1:{site.port}",
        on_error=_failed,
        max_retries=3,
        timeout=10,
        **settings,
    )


def _failed(error: Exception, items: object) -> None:
    pytest.fail(f"{error!r}: {items}")


@pytest.mark.parametrize("gzip", [False, True])
async def test_everything_arrives_once(site: Site, gzip: bool) -> None:
    """All kinds of calls, hundreds of them in its own batches: each is an event of the right contact, once."""
    token = await site.token(may_set_traits=True, per_second=10_000, per_second_by_address=10_000)
    visitor = str(uuid.uuid4())

    def send() -> list[str]:
        client = _client(site, token, gzip=gzip)
        sent = [
            client.identify(user_id="ann", traits={"email": "ann@example.com"}),
            client.identify(user_id="ann", anonymous_id=visitor),
            client.page(anonymous_id=visitor, name="Home", properties={"url": "https://shop.example/?a=b"}),
            client.screen(user_id="ann", name="Start"),
            client.group(user_id="ann", group_id="acme", traits={"name": "Acme"}),
            client.alias(previous_id="old", user_id="ann"),
        ]
        sent += [
            client.track(
                user_id=f"contact-{number % 7}",
                event="plan chosen",
                properties={"plan": "pro", "number": number, "at": datetime(2026, 3, 2, tzinfo=UTC)},
                context={"ip": "192.0.2.1"},
            )
            for number in range(300)
        ]
        client.shutdown()
        assert all(ok for ok, _ in sent)
        return [message["messageId"] for _, message in sent]

    ids = await asyncio.to_thread(send)
    events = await site.until_events(token.account, len(ids) + 1)
    by_id = {event["id"]: event for event in events}
    assert by_id.keys() == {*ids, f"{ids[0]}:traits"}
    assert by_id[f"{ids[0]}:traits"]["data"] == {"email": "ann@example.com"}
    assert (by_id[ids[1]]["subject"], by_id[ids[1]]["data"]["into"]) == (f"anonymous:{visitor}", "ann")
    assert by_id[ids[2]]["subject"] == f"anonymous:{visitor}"
    assert by_id[ids[5]]["subject"] == "anonymous:old"
    contacts = [by_id[id_]["subject"] for id_ in ids[6:]]
    assert contacts == [f"contact-{number % 7}" for number in range(300)]


async def test_the_library_for_node(site: Site, tmp_path: Path) -> None:
    """The library for Node sends its own batches, and ends only when all are answered 200."""
    token = await site.token()
    shutil.copy(_NODE_LIBRARY / "send.mjs", tmp_path)
    (tmp_path / "node_modules").symlink_to(installed(_NODE_LIBRARY))
    host = f"http://127.0.0.1:{site.port}"
    await asyncio.to_thread(node, "send.mjs", host, token.key, within=tmp_path)
    events = await site.until_events(token.account, 54)
    assert len({event["id"] for event in events}) == 54
    chosen = [event for event in events if event["type"] == "track.plan chosen"]
    assert {event["data"]["properties"]["number"] for event in chosen} == set(range(50))
    assert {event["subject"] for event in events} == {"ann", "anonymous:x1", "anonymous:x2"}
