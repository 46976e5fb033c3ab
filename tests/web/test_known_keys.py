"""The keys that a process of the tracker knows: fresh within two seconds, whatever becomes of the database."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from consumer.infra import postgres
from consumer.infra.clock import SystemClock
from consumer.web.tracker import known_keys
from consumer.web.tracker.known_keys import KnownKeys
from tests.kafka.tcp_proxy import TcpProxy
from tests.waiting import eventually
from tests.web.tracker_tokens import make_token

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from consumer.infra.postgres.connection import Connection
    from tests.web.api_client import Api, Client

# Seconds in which a change has to be seen.
SEEN = 2.0


@pytest.fixture
async def client(api: Api, new_account: Callable[..., Awaitable[str]]) -> AsyncIterator[Client]:
    """Give a client of a new account."""
    async with api.as_(await new_account()) as client:
        yield client


@asynccontextmanager
async def _keeping_fresh(dsn: str, clock: SystemClock | None = None) -> AsyncIterator[KnownKeys]:
    """Give the keys of a process, once they are loaded."""
    keys = KnownKeys(lambda: postgres.connect(dsn), clock or SystemClock())
    task = asyncio.create_task(keys.keep_fresh())
    try:
        await eventually(lambda: keys.is_loaded, within=10, what="the keys to be loaded")
        yield keys
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def keys(api: Api) -> AsyncIterator[KnownKeys]:
    """Give the keys of a process on this module's database."""
    async with _keeping_fresh(api.dsn) as keys:
        yield keys


class _ShiftedClock(SystemClock):
    """The machine's clock, moved by a test."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.ahead


async def _seen(keys: KnownKeys, key: str, *, found: bool = True, within: float = SEEN) -> None:
    await eventually(
        lambda: (keys.find(key) is not None) == found, within=within, what="the change to be seen"
    )


async def _edit(client: Client, token: dict[str, Any], method: str = "DELETE", **body: Any) -> None:
    path = f"/tracker-tokens/{token['id']}"
    etag = (await client.get(path)).headers["etag"]
    edited = await client.request(method, path, headers={"if-match": etag}, json=body or None)
    assert edited.is_success, edited.text


async def test_a_new_token_is_known_as_it_was_made(client: Client, keys: KnownKeys) -> None:
    """Within two seconds, with all its settings; any other text is unknown."""
    token = await make_token(
        client, origins=["https://shop.example.com"], event_names=["page"], may_set_traits=True, per_day=5
    )
    await _seen(keys, token["key"])
    found = keys.find(token["key"])
    assert found is not None
    assert (found.id, found.name, found.per_day) == (token["id"], "Shop", 5)
    assert found.origins == frozenset({"https://shop.example.com"})
    assert found.event_names == frozenset({"page"})
    assert (found.may_set_traits, found.anonymous_only) == (True, False)
    assert found.account == client.base_url.path.rstrip("/").rpartition("/")[2]
    assert found.signing_secret == token["signing_secret"].encode()
    for other in ("", "wk_", token["key"][:-1], token["key"] + " ", "\ud800", "x" * 1_000_000):
        assert keys.find(other) is None


async def test_a_change_is_seen(client: Client, keys: KnownKeys) -> None:
    """New settings are in force within two seconds."""
    token = await make_token(client)
    await _seen(keys, token["key"])
    await _edit(client, token, "PATCH", per_second=3)
    await eventually(
        lambda: (found := keys.find(token["key"])) is not None and found.per_second == 3,
        within=SEEN,
        what="the change to be seen",
    )


async def test_a_revoked_token_stops(client: Client, keys: KnownKeys) -> None:
    """Within two seconds its key is unknown; it can be said whose it was, and others go on."""
    token, other = await make_token(client), await make_token(client)
    await _seen(keys, other["key"])
    await _edit(client, token)
    await _seen(keys, token["key"], found=False)
    ended = keys.find_ended(token["key"])
    assert ended is not None
    assert ended.id == token["id"]
    assert keys.find(other["key"]) is not None
    assert keys.find_ended(other["key"]) is None
    assert keys.find_ended("wk_nobody") is None


@pytest.mark.parametrize("way", ["revoked", "rotated"])
async def test_a_clock_that_is_slow_keeps_no_key_alive(api: Api, client: Client, way: str) -> None:
    """A key that has ended by the database's clock is unknown, whatever the clock of the process says."""
    clock = _ShiftedClock()
    clock.ahead = timedelta(hours=-1)
    async with _keeping_fresh(api.dsn, clock) as keys:
        token = await make_token(client)
        await _seen(keys, token["key"])
        if way == "revoked":
            await _edit(client, token)
        else:
            await client.post(f"/tracker-tokens/{token['id']}/rotate", json={"old_valid_for": 0})
        await _seen(keys, token["key"], found=False)


async def test_a_rotated_key_is_valid_for_a_while(api: Api, client: Client) -> None:
    """Both keys are valid, each with its own secret; after a day the one before is not."""
    clock = _ShiftedClock()
    async with _keeping_fresh(api.dsn, clock) as keys:
        token = await make_token(client)
        rotated = (await client.post(f"/tracker-tokens/{token['id']}/rotate")).json()
        await _seen(keys, rotated["key"])
        before, now = keys.find(token["key"]), keys.find(rotated["key"])
        assert before is not None
        assert now is not None
        assert (before.id, before.signing_secret) == (token["id"], token["signing_secret"].encode())
        assert (now.id, now.signing_secret) == (token["id"], rotated["signing_secret"].encode())
        clock.ahead = timedelta(hours=23)
        assert keys.find(token["key"]) is not None
        clock.ahead = timedelta(hours=25)
        assert keys.find(token["key"]) is None
        assert keys.find(rotated["key"]) is not None


async def test_all_keys_are_loaded_before_any_is_unknown(
    api: Api, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many pages they are read in; until then none is found."""
    monkeypatch.setattr(known_keys, "_AT_ONCE", 3)
    tokens = [await make_token(client) for _ in range(10)]
    fresh = KnownKeys(lambda: postgres.connect(api.dsn), SystemClock())
    assert not fresh.is_loaded
    assert fresh.find(tokens[0]["key"]) is None
    async with _keeping_fresh(api.dsn) as keys:
        assert all(keys.find(token["key"]) for token in tokens)


async def test_counts_reach_the_token(client: Client, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are added up over processes, with the last use; the revision stays as it is."""
    monkeypatch.setattr(known_keys, "_COUNTS_EVERY", 0.1)
    token = await make_token(client)
    path = f"/tracker-tokens/{token['id']}"
    at = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    async with _keeping_fresh(api.dsn) as one, _keeping_fresh(api.dsn) as other:
        for keys in (one, other):
            await _seen(keys, token["key"])
            write_key = keys.find(token["key"])
            assert write_key is not None
            keys.note(write_key, 3, 1, at)
            keys.note(write_key, 1, 0, at + timedelta(seconds=5))

        async def counted() -> bool:
            shown = (await client.get(path)).json()
            return (shown["accepted"], shown["refused"]) == (8, 2)

        await eventually(counted, within=5, what="all to be counted")
    shown = (await client.get(path)).json()
    assert shown["last_used_at"] == "2026-03-02T09:30:05Z"
    assert shown["revision"] == token["revision"]


async def test_the_last_counts_are_written_at_the_end(client: Client, api: Api) -> None:
    """What was counted when a process ends in order is not lost."""
    token = await make_token(client)
    async with _keeping_fresh(api.dsn) as keys:
        write_key = keys.find(token["key"])
        assert write_key is not None
        keys.note(write_key, 7, 0, datetime.now(UTC))
    assert (await client.get(f"/tracker-tokens/{token['id']}")).json()["accepted"] == 7


async def test_counts_wait_for_no_lock(
    client: Client, api: Api, observer: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a token that is being changed they are written afterwards; changes are seen as fast meanwhile."""
    monkeypatch.setattr(known_keys, "_COUNTS_EVERY", 0.1)
    token, other = await make_token(client), await make_token(client)
    async with _keeping_fresh(api.dsn) as keys:
        locked, free = keys.find(token["key"]), keys.find(other["key"])
        assert locked is not None
        assert free is not None
        async with observer.transaction():
            await observer.execute("select from tracker_tokens where id = $1 for update", token["id"])
            keys.note(locked, 2, 0, datetime.now(UTC))
            keys.note(free, 1, 0, datetime.now(UTC))
            await eventually(lambda: _counted(client, other, 1), within=SEEN, what="the other to be counted")
            keys.note(locked, 3, 0, datetime.now(UTC))
            await _edit(client, other)
            await _seen(keys, other["key"], found=False)
        await eventually(lambda: _counted(client, token, 5), within=5, what="all to be counted")


@pytest.mark.parametrize("way", ["lost", "frozen"])
async def test_it_goes_on_without_the_database(
    api: Api, client: Client, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the database is away known keys are valid and calls are counted; what changed is seen after it."""
    monkeypatch.setattr(known_keys, "_PATIENCE", 0.3)
    monkeypatch.setattr(known_keys, "_COUNTS_EVERY", 0.1)
    token, revoked = await make_token(client), await make_token(client)
    proxy, parts = TcpProxy(), urlsplit(api.dsn)
    assert parts.port is not None
    proxy.upstream = parts.port
    await proxy.start()
    user = parts.netloc.rpartition("@")[0]
    dsn = parts._replace(netloc=f"{user}@127.0.0.1:{proxy.port}").geturl()
    async with _keeping_fresh(dsn) as keys:
        assert keys.find(token["key"]) is not None
        if way == "lost":
            proxy.upstream = 1
            proxy.cut()
        else:
            proxy.delay = 600
        await _edit(client, revoked)
        await eventually(lambda: keys.age > 1.5, within=5, what="the keys to grow old")
        write_key = keys.find(token["key"])
        assert write_key is not None
        assert keys.find(revoked["key"]) is not None
        keys.note(write_key, 4, 0, datetime.now(UTC))
        proxy.upstream, proxy.delay = parts.port, 0
        proxy.cut()
        await _seen(keys, revoked["key"], found=False, within=5)
        assert keys.age < 1.5
        await eventually(
            lambda: _counted(client, token, 4), within=5, what="calls of the outage to be counted"
        )
    await proxy.close()


@pytest.mark.parametrize("sign", ["revision", "incarnation"])
async def test_lost_commits_are_noticed(
    client: Client, keys: KnownKeys, observer: Connection, sign: str
) -> None:
    """A database that has lost commits is read anew: what it no longer has is unknown.

    Its revision is lower than one that was seen; or it has reached that again, but the incarnation is another.
    """
    kept = await make_token(client)
    before = await observer.fetchval("select revision from tracker_revision")
    lost = await make_token(client)
    await _seen(keys, lost["key"])
    async with observer.transaction():
        await observer.execute("delete from tracker_tokens where id = $1", lost["id"])
        if sign == "revision":
            await observer.execute("update tracker_revision set revision = $1", before)
        else:
            await observer.execute("update installation set incarnation = incarnation + 1")
    await _seen(keys, lost["key"], found=False)
    assert keys.find(kept["key"]) is not None
    await _seen(keys, (await make_token(client))["key"])


async def test_concurrent_changes_are_all_seen(client: Client, keys: KnownKeys) -> None:
    """Changes at the same moment become visible in the order of their revisions: none is skipped."""
    tokens = await asyncio.gather(*(make_token(client) for _ in range(20)))
    for token in tokens:
        await _seen(keys, token["key"])
    await asyncio.gather(*(_edit(client, token) for token in tokens))
    for token in tokens:
        await _seen(keys, token["key"], found=False)


async def _counted(client: Client, token: dict[str, Any], accepted: int) -> bool:
    shown = (await client.get(f"/tracker-tokens/{token['id']}")).json()
    return bool(shown["accepted"] == accepted)
