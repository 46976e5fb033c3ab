"""`events`: what clients that stay connected get, in which order, and where they are to read again."""

from __future__ import annotations

import socket
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest

from consumer.web.http import event_stream
from consumer.web.live.listener import MAX_BYTES, MAX_EVENTS, Listener
from consumer.web.live.resume_ids import Position, ResumeIds
from schemas.published import ScoreChanged
from tests.pipeline import service
from tests.waiting import eventually
from tests.web.account_events import happen, record
from tests.web.api_client import mint, serving
from tests.web.sample_account import begin, draft, finish, scored
from tests.web.sse_client import listening, served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from consumer.infra.postgres.connection import Connection
    from tests.pipeline.service import Service
    from tests.web.api_client import Api, Client
    from tests.web.sse_client import Stream


@pytest.fixture(scope="module")
async def address(api: Api) -> AsyncIterator[str]:
    """Give the address of a process."""
    async with served(api) as address:
        yield address


@pytest.fixture(scope="module")
async def other_address(api: Api) -> AsyncIterator[str]:
    """Give the address of another process on the same database."""
    async with serving(api.dsn) as other, served(other) as address:
        yield address


@pytest.fixture
async def account(worker: Service, new_account: Callable[..., Awaitable[str]]) -> str:
    """Name an account in which ann and bob have scores."""
    return await scored(worker, new_account)


async def _changes(stream: Stream, number: int) -> list[tuple[str, int]]:
    """Return contact and score of the next changes."""
    sent = [await stream.until("score_changed") for _ in range(number)]
    return [(one.data["subject"], one.data["data"]["overall"]["current"]) for one in sent]


async def test_score_changes_come_as_they_happen(worker: Service, account: str, address: str) -> None:
    """A client gets each score change of its account, whole and in order; none of another account."""
    async with listening(address, account) as stream:
        assert stream.answer.headers["content-type"].startswith("text/event-stream")
        assert await stream.next() is not None
        await happen(worker, account, "deal.won", "email.opened")
        await happen(worker, account, "email.opened", subject="bob")
        sent = await stream.until("score_changed")
        service.validate(sent.data, ScoreChanged)
        assert (sent.data["accountid"], sent.data["subject"]) == (account, "ann")
        assert sent.data["data"]["overall"] == {"previous": 52, "current": 103}
        assert await _changes(stream, 1) == [("bob", 51)]


async def test_a_client_gets_the_contacts_that_it_asks_for(
    worker: Service, account: str, address: str
) -> None:
    """With `contact` only these contacts' changes come, and those of what they are joined to; ends are said."""
    await happen(worker, account, "contact.merged", subject="annie", data='{"into": "ann"}')
    await service.carry_out(worker.dsn)
    async with listening(address, account, "annie", "carl") as stream:
        await stream.until("ready")
        await happen(worker, account, "email.opened", subject="bob")
        await happen(worker, account, "email.opened")
        await happen(worker, account, "deal.won", subject="carl")
        assert await _changes(stream, 2) == [("ann", 53), ("carl", 50)]
        await happen(worker, account, "contact.deleted", subject="carl")
        await service.carry_out(worker.dsn)
        removed = await stream.until("contact_removed")
        assert (removed.data["subject"], removed.data["data"]["profile"]) == ("carl", "lead_score")


async def test_a_sidebar_of_200_contacts_stays_right(
    api: Api, worker: Service, account: str, address: str
) -> None:
    """Scores that were looked up once and then follow the events are those of a lookup at the end."""
    shown = [f"person-{number}@example.com" for number in range(199)] + ["last"]
    await worker.batch([record(account, "email.opened", subject=one) for one in shown])
    async with api.as_(account) as client, listening(address, account, *shown) as stream:
        await stream.until("ready")
        scores = await _looked_up(client, shown)
        await worker.batch([record(account, "deal.won", subject=one) for one in shown[::7]])
        await happen(worker, account, "deal.won", subject="not shown")
        await happen(worker, account, "contact.deleted", subject=shown[3])
        await service.carry_out(worker.dsn)
        await happen(worker, account, "email.opened", subject=shown[3])
        await happen(worker, account, "email.opened", "email.opened", subject="last")
        while True:
            sent = await stream.next()
            assert sent is not None
            contact = sent.data["subject"]
            changed = sent.name == "score_changed"
            scores[contact] = sent.data["data"]["overall"]["current"] if changed else None
            if contact == "last" and changed:
                break
        assert scores == await _looked_up(client, shown)
        assert (scores[shown[0]], scores[shown[1]], scores["last"]) == (51, 1, 3)


async def _looked_up(client: Client, contacts: list[str]) -> dict[str, int | None]:
    answer = await client.post("/scores/lookup", json={"contacts": contacts})
    return {one["asked"]: one["contact"] and one["contact"]["overall"] for one in answer.json()["items"]}


async def test_a_client_resumes_at_another_process(
    worker: Service, account: str, address: str, other_address: str
) -> None:
    """By `Last-Event-ID` it gets what it has missed, once and in order, whichever process it comes to."""
    async with listening(address, account) as stream:
        await stream.until("ready")
        await happen(worker, account, "email.opened")
        last = (await stream.until("score_changed")).id
    for _ in range(3):
        await happen(worker, account, "email.opened")
        await happen(worker, account, "email.opened", subject="bob")
    async with listening(other_address, account, after=last) as stream:
        missed = await _changes(stream, 6)
        assert missed == [("ann", 54), ("bob", 51), ("ann", 55), ("bob", 52), ("ann", 56), ("bob", 53)]
        assert (await stream.until("ready")).data == {"resumed": True}
        await happen(worker, account, "email.opened")
        assert await _changes(stream, 1) == [("ann", 57)]
    async with listening(other_address, account, "bob", after=last) as stream:
        assert await _changes(stream, 3) == [("bob", 51), ("bob", 52), ("bob", 53)]


async def test_an_id_that_is_too_old_or_none_is_answered_by_a_reset(
    worker: Service,
    account: str,
    address: str,
    observer: Connection,
    new_account: Callable[..., Awaitable[str]],
) -> None:
    """Where messages after it have gone, or it is of another account, the client is to read again, and goes on."""
    async with listening(address, account) as stream:
        ready = await stream.until("ready")
    other = await new_account()
    async with listening(address, other, after=ready.id) as stream:
        assert (await stream.until("reset")).data == {"why": "too_old"}
    async with listening(address, account, after="nonsense") as stream:
        assert (await stream.until("reset")).data == {"why": "too_old"}
    await happen(worker, account, "email.opened")
    await observer.execute("delete from outbox")
    async with listening(address, account, after=ready.id) as stream:
        first = await stream.next()
        assert first is not None
        assert first.name == "reset"
        await happen(worker, account, "email.opened")
        assert await _changes(stream, 1) == [("ann", 54)]


async def test_a_gap_is_answered_by_a_reset(
    worker: Service, account: str, address: str, observer: Connection
) -> None:
    """Where rows go before the process has read them, its clients are to read again."""
    async with listening(address, account) as stream:
        await stream.until("ready")
        await observer.execute("update outbox_heads set head = head + 5")
        assert (await stream.until("reset")).data == {"why": "gap"}
        await happen(worker, account, "email.opened")
        assert await _changes(stream, 1) == [("ann", 53)]


async def test_a_reader_that_loses_its_connection_goes_on(
    worker: Service, account: str, address: str, observer: Connection
) -> None:
    """While the database is away clients wait; nothing that happened meanwhile is missing, or comes twice."""
    async with listening(address, account) as stream:
        await stream.until("ready")
        readers = (
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and query like '%outbox_heads%' and pid <> pg_backend_pid()"
        )
        for number in range(3):
            await eventually(lambda: observer.fetchval(readers), within=10, what="the reader's connection")
            await happen(worker, account, "email.opened")
            assert await _changes(stream, 1) == [("ann", 53 + number)]


async def test_jobs_report_their_progress(api: Api, account: str, address: str) -> None:
    """A publish is seen from its beginning to its end; one who comes later sees how it stands."""
    async with api.as_(account) as client, listening(address, account) as stream:
        await stream.until("ready")
        await draft(client, weights={"deal_won": 7})
        number = (await begin(client)).json()["id"]
        job = (await stream.until("job")).data
        assert (job["kind"], job["id"], job["profile"], job["ended_at"]) == (
            "publish",
            number,
            "lead_score",
            None,
        )
        async with listening(address, account) as later:
            assert (await later.until("job")).data["id"] == number
        await finish(api, number)
        while job["state"] != "done":
            job = (await stream.until("job")).data
        assert (job["id"], job["ended_at"] is not None) == (number, True)


async def test_the_stream_ends_with_its_token(account: str, address: str) -> None:
    """At `exp` the client is told so, and the stream ends whole."""
    async with listening(address, account, exp=_in_seconds(-1)) as stream:
        assert await _names(stream) == ["end"]


def _in_seconds(seconds: int) -> int:
    import time  # noqa: PLC0415

    return int(time.time()) + seconds


async def _names(stream: Stream) -> list[str]:
    names = []
    while (sent := await stream.next()) is not None:
        names.append(sent.name)
    return names


async def test_no_client_costs_a_connection(
    api: Api, account: str, address: str, observer: Connection, worker: Service
) -> None:
    """Thirty clients are fed over the one connection that the first of them has opened."""
    counted = "select count(*) from pg_stat_activity where datname = current_database()"
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(listening(address, account))
        await first.until("ready")
        before = await observer.fetchval(counted)
        streams = [await stack.enter_async_context(listening(address, account, "bob")) for _ in range(30)]
        for stream in streams:
            await stream.until("ready")
        await happen(worker, account, "email.opened", subject="bob")
        assert [await _changes(stream, 1) for stream in streams] == [[("bob", 51)]] * 30
        # Requests have a pool of four beside it.
        assert await observer.fetchval(counted) <= before + 3
    live = api.app.state.live
    await eventually(lambda: len(live) == 0, within=5, what="all clients to be forgotten")


async def test_clients_are_limited(
    api: Api, account: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the limit of its account a client is answered 429, with when to try again."""
    monkeypatch.setattr(api.app.state.live, "most", 1)
    async with listening(address, account) as stream:
        await stream.until("ready")
        async with listening(address, account) as refused:
            assert refused.answer.status_code == 429
            assert refused.answer.headers["retry-after"] == "30"


async def test_a_slow_client_is_bounded() -> None:
    """What waits for a client never exceeds its bounds: beyond them it is dropped for a reset, and goes on."""
    listener = Listener("acme")
    for size in (1, MAX_BYTES // 10):
        for number in range(MAX_EVENTS * 2):
            listener.put(b"x" * size, f"i{number}")
            assert len(listener._waiting) <= MAX_EVENTS
            assert listener._bytes <= MAX_BYTES
        taken = await listener.take(0)
        assert taken.startswith(b"id: i")
        assert taken.count(b'event: reset\ndata: {"why":"slow"}') == 1
        listener.put(b"y", "later")
        assert await listener.take(0) == b"y"


async def test_a_client_that_does_not_read_is_cut_off(
    api: Api, account: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that takes nothing for too long loses its connection, and nothing of it stays in memory."""
    monkeypatch.setattr(event_stream, "SEND_TIMEOUT", 0.5)
    host, _, port = address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        request = (
            f"GET /v1/accounts/{account}/events HTTP/1.1\r\nhost: x\r\n"
            f"authorization: Bearer {mint(account)}\r\n\r\n"
        )
        client.sendall(request.encode())
        live = api.app.state.live
        await eventually(lambda: len(live) == 1, within=5, what="the client to listen")
        [listener] = live._counted.everyone()

        async def forgotten() -> bool:
            listener.put(b":" * (MAX_BYTES // 2), "1")
            return len(live) == 0

        await eventually(forgotten, within=20, every=0.05, what="the client to be forgotten")


def test_ids_say_nothing_and_hold_for_one_account() -> None:
    """An id leads back to its position for its account alone; changed by one character it is none."""
    ids = ResumeIds(b"salt of the installation")
    position = Position(3, (17, 2**40))
    text = ids.encode("acme", position)
    assert ids.decode("acme", text) == position
    for account, changed in (
        ("other", text),
        ("acme", ("B" if text[0] == "A" else "A") + text[1:]),
        ("acme", ""),
    ):
        assert ids.decode(account, changed) is None
    assert ResumeIds(b"another").decode("acme", text) is None
