"""Hostile callers: every answer is small and none is 500, and other callers do not notice."""

from __future__ import annotations

import asyncio
import gzip
import json
import statistics
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from consumer.domain.decode import decode
from consumer.domain.model import DeadLetter, Record
from consumer.infra.http_server import FEW
from consumer.web.tracker import kafka_writer
from consumer.web.tracker.contacts_of_day import ContactsOfDay
from consumer.web.tracker.limits import WINDOW
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.tracker.site import Site, Token

PATHS = ("track", "identify", "alias", "batch")
_DEEP = 100_000
BODIES: dict[str, bytes] = {
    "nothing": b"",
    "no JSON": b"{]",
    "no UTF-8": b'{"event": "\xff\xfe"}',
    "lone surrogate": b'{"event": "\\ud800", "userId": "ann"}',
    "NUL": b'{"event": "a\\u0000b", "userId": "a\\u0000"}',
    "deep list": b"[" * 30_000,
    "deep object": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "deep properties": b'{"event":"a","userId":"b","properties":' + b'{"a":' * 500 + b"1" + b"}" * 501,
    "huge number": b'{"event":"a","userId":"b","properties":{"n":' + b"9" * 20_000 + b"}}",
    "huge exponent": b'{"event":"a","userId":"b","properties":{"n":1e999999}}',
    "NaN": b'{"event":"a","userId":"b","properties":{"n":NaN}}',
    "many members": json.dumps({f"k{number}": number for number in range(2_500)}).encode(),
    "batch of rubbish": json.dumps({"batch": [{}] * 2_000}).encode(),
    "too many calls": b'{"batch":[' + b"0," * 200_000 + b"0]}",
    "batch in a batch": json.dumps({"batch": [{"type": "batch", "batch": []}]}).encode(),
    "long ids": json.dumps({"event": "a" * 10_000, "userId": "b" * 10_000}).encode(),
    "header in an id": json.dumps(
        {"event": "a", "userId": "x", "messageId": "a\r\nSet-Cookie: b=c"}
    ).encode(),
    "wrong types": json.dumps({"event": {}, "userId": [], "properties": 7, "timestamp": {}}).encode(),
    "old": json.dumps({"event": "a", "userId": "b", "timestamp": "1970-01-01T00:00:00Z"}).encode(),
    "a prefix": json.dumps({"event": "a", "userId": "anonymous:victim"}).encode(),
}


async def _send(site: Site, path: str, content: bytes, token: Token, **headers: str) -> httpx.Response:
    answer = await site.client.post(f"/v1/{path}", content=content, auth=token.basic, headers=headers)
    assert answer.status_code < 500, (path, content[:100], answer.text[:500])
    assert len(answer.content) < 20_000
    assert "set-cookie" not in answer.headers
    return answer


@pytest.mark.parametrize("path", PATHS)
async def test_bodies(site: Site, path: str) -> None:
    """Whatever a body holds, the answer is small and no server error; workers can read what was accepted."""
    token = await site.token(per_second=10_000, per_second_by_address=10_000)
    for content in BODIES.values():
        await _send(site, path, content, token)
        await _send(site, path, gzip.compress(content), token, **{"content-encoding": "gzip"})
    for record in await site.installation.read("tracked"):
        read = decode(
            Record("tracked", 0, 0, record.timestamp, record.key, record.value, tuple(record.headers))
        )
        assert not isinstance(read, DeadLetter), read


async def test_bombs(site: Site) -> None:
    """A compressed body that would unpack to a hundred megabytes is refused at its limit."""
    token = await site.token()
    bomb = gzip.compress(bytes(100 << 20), 9)
    for path in ("track", "batch"):
        answer = await _send(site, path, bomb, token, **{"content-encoding": "gzip"})
        assert (answer.status_code, answer.json()["reason"]) == (413, "too_large")


async def test_large_bodies(site: Site) -> None:
    """A body beyond its limit is refused before it is read whole, whether it names its size or not."""
    token = await site.token()

    async def endless() -> Any:
        for _ in range(100):
            yield b"x" * 100_000

    answer = await _send(site, "batch", b"x" * 600_000, token)
    assert answer.status_code == 413
    try:
        unsized = await site.client.post("/v1/batch", content=endless(), auth=token.basic)
    except httpx.TransportError:
        # The answer came while the body was being sent, and the connection was closed.
        return
    assert unsized.status_code == 413


async def test_keys_that_are_none(site: Site) -> None:
    """A key that was never made, one of another kind and none at all are the same: 401."""
    token = await site.token()
    bad = [
        "",
        "wk_",
        token.id,
        token.key[:-1],
        token.key + "x",
        token.key.upper(),
        "x" * 10_000,
        "ключ",
        "\x85",
    ]
    for key in bad:
        answer = await site.client.post("/v1/page", json={"userId": "ann", "writeKey": key})
        assert answer.status_code == 401, key
        assert answer.json()["reason"] == "unknown_key"
        # A challenge that browsers know would open a dialog on the page.
        assert answer.headers["www-authenticate"] == 'WriteKey realm="tracker"'
    assert await site.events(token.account) == []


async def test_texts_of_callers_reach_no_header(site: Site) -> None:
    """What a caller writes into headers comes back in none, but an origin that may read the answer."""
    token = await site.token()
    odd = [
        (b"user-agent", b"a\x85b\xa0<script>"),
        (b"referer", b"\xff\xfe"),
        (b"x-forwarded-for", b"1, 2, <b>"),
    ]
    answer = await site.client.post("/v1/page", json={"userId": "ann"}, auth=token.basic, headers=odd)
    assert answer.status_code == 200
    assert "<script>" not in str(answer.headers)
    assert (await site.requests(token))[0]["address"] == "127.0.0.0/24"


async def test_many_event_names_leave_nothing(site: Site) -> None:
    """Ten thousand different names make no series of metrics, and no more notes than a hundred requests."""
    token = await site.token(per_second=10_000, per_second_by_address=10_000)
    before = len(site.metrics.exposition().splitlines())
    for number in range(20):
        batch = [
            {"type": "track", "event": f"name {number} {inner}", "userId": "ann"} for inner in range(500)
        ]
        assert (await site.post(token, "batch", {"batch": batch})).json()["accepted"] == 500
    assert len(site.metrics.exposition().splitlines()) <= before + 5
    noted = await site.requests(token)
    assert len(noted) == 20
    assert all(len(request["events"]) <= 10 for request in noted)


async def test_a_flood_is_slowed_down_and_others_are_not(site: Site) -> None:
    """A token at twenty times its limit is answered 429 with when to come again; another token sees none of it."""
    flooding = await site.token(per_second=10, per_second_by_address=10)
    other = await site.token(per_second=10_000, per_second_by_address=10_000)
    alone = [await _timed(site, other) for _ in range(50)]

    async def flood() -> list[httpx.Response]:
        return [await site.post(flooding, "page", {"userId": "x"}) for _ in range(200)]

    began = time.perf_counter()
    floods = [asyncio.create_task(flood()) for _ in range(10)]
    beside = [await _timed(site, other) for _ in range(50)]
    answers = [answer for some in await asyncio.gather(*floods) for answer in some]
    took = time.perf_counter() - began
    codes = [answer.status_code for answer in answers]
    assert set(codes) == {200, 429}
    # Ten a second, and at most twice what a window has room for beside that.
    assert 100 <= codes.count(200) <= 10 * took + 200
    last = next(answer for answer in answers if answer.status_code == 429)
    assert last.json()["reason"] == "rate_limited"
    assert 1 <= int(last.headers["retry-after"]) <= 11
    assert last.headers["ratelimit-limit"] == "100"
    assert last.headers["ratelimit-remaining"] == "0"
    # Of one core that ten clients of the flood use too.
    assert statistics.median(beside) < 20 * statistics.median(alone) + 0.1


async def _timed(site: Site, token: Token) -> float:
    began = time.perf_counter()
    answer = await site.post(token, "page", {"userId": "ann"})
    assert answer.status_code == 200
    return time.perf_counter() - began


async def test_slow_requests_open_no_window(site: Site) -> None:
    """A request that began in an earlier window than it ends in takes no limit away."""
    token = await site.token(per_second=1, per_second_by_address=1)
    body = json.dumps({"userId": "x", "writeKey": (await site.token()).key}).encode()
    head = b"POST /v1/page HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(head % len(body) + body[:1])
    await writer.drain()
    began = time.time() // WINDOW
    await eventually(lambda: time.time() // WINDOW > began, within=2 * WINDOW, what="the next window")
    for _ in range(10):
        await site.post(token, "page", {"userId": "ann"})
    assert (await site.post(token, "page", {"userId": "ann"})).status_code == 429
    writer.write(body[1:])
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.close()
    assert (await site.post(token, "page", {"userId": "ann"})).status_code == 429


async def test_a_quota_ends_the_day(site: Site) -> None:
    """Beyond its quota a token is refused until midnight, single calls and batches alike."""
    token = await site.token(per_day=10)
    batch = {"batch": [{"type": "page", "userId": "ann"}] * 10}
    assert (await site.post(token, "batch", batch)).status_code == 200
    answer = await site.post(token, "page", {"userId": "ann"})
    assert (answer.status_code, answer.json()["reason"]) == (429, "quota_exceeded")
    assert 1 <= int(answer.headers["retry-after"]) <= 86_400


async def test_a_quota_bounds_bytes(site: Site) -> None:
    """Calls as large as they may be use a quota up several times as fast, single ones and batches alike."""
    token = await site.token(per_day=16)
    large = {"type": "page", "userId": "ann", "properties": {"text": "x" * 30_000}}
    assert (await site.post(token, "page", large)).status_code == 200
    assert (await site.post(token, "batch", {"batch": [large]})).status_code == 200
    answer = await site.post(token, "page", {"userId": "ann"})
    assert (answer.status_code, answer.json()["reason"]) == (429, "quota_exceeded")


async def test_contacts_are_bounded(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger with the key makes so many contacts a day and no more; those of the day are recorded on."""
    monkeypatch.setattr(site.tracker, "contacts", ContactsOfDay(2))
    token = await site.token()
    for name in ("one", "two", "one"):
        assert (await site.post(token, "page", {"anonymousId": name})).status_code == 200
    answer = await site.post(token, "page", {"anonymousId": "three"})
    assert (answer.status_code, answer.json()["reason"]) == (429, "quota_exceeded")
    assert 1 <= int(answer.headers["retry-after"]) <= 86_400
    joined = await site.post(token, "identify", {"anonymousId": "one", "userId": "new"})
    assert joined.status_code == 429
    calls = [{"type": "page", "anonymousId": name} for name in ("one", "four", "two")]
    mixed = (await site.post(token, "batch", {"batch": calls})).json()
    assert mixed["accepted"] == 2
    assert [(one["index"], one["reason"]) for one in mixed["refused"]] == [(1, "quota_exceeded")]
    assert len(await site.until_events(token.account, 5)) == 5


async def test_a_batch_that_no_limit_has_room_for(site: Site) -> None:
    """A batch with more calls than the token may bring in ten seconds is refused for good, not to be repeated."""
    token = await site.token(per_second=1, per_second_by_address=1)
    batch = {"batch": [{"type": "page", "userId": "ann"}] * 11}
    answer = await site.post(token, "batch", batch)
    assert (answer.status_code, answer.json()["reason"]) == (413, "too_large")


async def test_wrong_keys_are_slowed_down(site: Site) -> None:
    """An address that guesses keys is answered 429, and the tokens that others use from there are not."""
    token = await site.token()
    codes = [
        (await site.client.post("/v1/page", json={"userId": "x", "writeKey": f"guess {number}"})).status_code
        for number in range(150)
    ]
    assert set(codes) == {401, 429}
    assert (await site.post(token, "page", {"userId": "ann"})).status_code == 200


async def test_slow_clients_hold_nobody_up(site: Site) -> None:
    """More clients than the server has places, which never complete their bodies, leave it to the others."""
    token = await site.token()
    head = b"POST /v1/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 400000\r\n\r\n{"
    writers = []
    for _ in range(3 * FEW.connections):
        _, writer = await asyncio.open_connection("127.0.0.1", site.port)
        writer.write(head)
        writers.append(writer)
    for _ in range(20):
        assert (await site.post(token, "page", {"userId": "ann"})).status_code == 200
    for writer in writers:
        writer.close()


async def test_overload_is_shed_early(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """With as many calls waiting for Kafka as may, others are 503 before their bodies are read, and counted."""
    token = await site.token()
    monkeypatch.setattr(kafka_writer, "_MOST_CALLS", 0)
    answer = await site.client.post("/v1/batch", content=b"x" * 400_000, auth=token.basic)
    assert (answer.status_code, answer.json()["reason"]) == (503, "overloaded")
    assert int(answer.headers["retry-after"]) > 0
    shed = site.metrics.tracker_requests.labels("batch", "overloaded")
    assert shed._value.get() == 1
    monkeypatch.undo()
    assert (await site.post(token, "page", {"userId": "ann"})).status_code == 200
