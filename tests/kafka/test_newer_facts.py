"""Relays of two versions beside each other: facts of a newer format wait, in order, for a relay that knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import pytest

from consumer.relay import admission, fact_format
from consumer.scoring.verify import verify
from schemas.vocabulary import SCORE_CHANGED_TOPIC
from tests.builders.catalog_documents import document
from tests.builders.events import live_event
from tests.clock_by_hand import ClockByHand
from tests.kafka.delivery_checks import outbox_rows
from tests.kafka.relay_in_process import Relaying
from tests.kafka.worker_process import WorkerProcess
from tests.pipeline import service
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from consumer.infra import postgres
    from tests.kafka.installation import Installation

pytestmark = pytest.mark.real_kafka

# The first of ann's messages that a newer program has written, and all of them.
_NEWER, _ALL = 4, 8

_MARK_AS_NEWER = """
    update outbox o set facts = array(
        select case when m.kind = 'score_changed' and split_part(m.facts, E'\\x1f', 5)::integer = $1
            then E'\\x1c3\\x1f' || m.facts else m.facts end
        from unnest(o.kinds, o.facts) with ordinality as m(kind, facts, place) order by m.place)"""


@pytest.fixture
async def observer(installation: Installation) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Fill the outbox with messages of one contact, one of them of format 3, and give a connection."""
    await installation.create_topics()
    await installation.apply(document())
    async with service.running(installation.dsn) as ingest:
        for number in range(_ALL):
            await ingest.batch([live_event(number)])
    connection = await asyncpg.connect(installation.dsn)
    await connection.execute(_MARK_AS_NEWER, _NEWER)
    yield connection
    await connection.close()


async def _versions(installation: Installation) -> list[int]:
    return [message["data"]["version"] for message in await installation.messages(SCORE_CHANGED_TOPIC)]


async def _emptied(installation: Installation) -> None:
    async def published() -> bool:
        return await outbox_rows(installation) == 0

    await eventually(published, within=20, what="everything to be published")


async def test_an_older_relay_leaves_newer_facts_to_a_newer_one(
    installation: Installation,
    observer: asyncpg.Connection[asyncpg.Record],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It publishes what is before them, says why it stops there, and gives its shards to a newer relay at once."""
    async with WorkerProcess(installation, tmp_path, "--only", "relay") as older:

        async def begun() -> bool:
            return len(await _versions(installation)) >= _NEWER - 1

        await eventually(begun, within=30, what="what is before them to be published")
        assert await _versions(installation) == list(range(1, _NEWER))

        async def stopped() -> bool:
            lines = [line for line in older.lines() if line["event"] == "not healthy"]
            needed = "has facts of format 3, and this program reads up to 2: run a relay of a newer version"
            assert any(line["component"] == "relay" and needed in line["why"] for line in lines), lines
            return True

        await eventually(stopped, within=30, what="the older relay to say what it lacks")
        assert (await verify(installation.dsn)).differences == []

        monkeypatch.setattr(fact_format, "NEWEST", 3)
        newer = Relaying(installation)
        newer.start()
        await _emptied(installation)
        assert await _versions(installation) == list(range(1, _ALL + 1)), "each once, in order"
        owners = await observer.fetch("select count(*) from relays")
        assert [row[0] for row in owners] == [1], "the older one is out of the way"
        await newer.stop()


class _NewerRelay(WorkerProcess):
    program = (
        "-c",
        (
            "from consumer.relay import fact_format; fact_format.NEWEST = 3\n"
            "from consumer import __main__; raise SystemExit(__main__.main())"
        ),
    )


async def test_an_older_relay_goes_on_when_newer_facts_are_published(
    installation: Installation,
    observer: asyncpg.Connection[asyncpg.Record],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After a newer relay published them and ended, as on the way back, the older one publishes what follows."""
    monkeypatch.setattr(admission, "_PROBE_SELDOM", 0.5)
    older = Relaying(installation)
    older.start()

    def why() -> str:
        return str(older.health.states().get("relay", {}).get("why"))

    await eventually(lambda: "format 3" in why(), within=30, what="the older relay to stop")
    async with _NewerRelay(installation, tmp_path, "--only", "relay") as newer:
        await _emptied(installation)
        await newer.terminate(within=10)
    async with service.running(installation.dsn) as ingest:
        await ingest.batch([live_event(_ALL)])
    await _emptied(installation)
    await eventually(older.health.ready, within=30, what="the older relay to be well")
    await older.stop()
    assert await _versions(installation) == list(range(1, _ALL + 2))
    unpublished = "select sum(head - floor) from outbox_heads join relay_floors using (shard)"
    assert await observer.fetchval(unpublished) == 0


@pytest.mark.parametrize(
    ("kind", "facts", "known"),
    [
        ("score_changed", "acme\x1fann", True),
        ("score_changed", "\x1c1\x1facme\x1fann", True),
        ("score_changed", "\x1c3\x1facme\x1fann", False),
        ("dead_letter", "17", True),
        ("dead_letter", "\x1c12\x1f17", False),
        ("contact_deleted", "acme\x1fann", False),
    ],
)
def test_facts_without_a_number_have_format_1(kind: str, facts: str, *, known: bool) -> None:
    """A greater number, or a kind that came later, is for a newer program; number 1 is the same as none."""
    assert (fact_format.why_unknown(kind, facts) is None) == known
    if known:
        assert fact_format.split_format(facts) == (1, facts.removeprefix("\x1c1\x1f"))


def test_an_outdated_relay_does_not_wait_ten_seconds(installation: Installation) -> None:
    """A failure may pass, and so a relay keeps its shards for a while; facts that it cannot read do not pass."""

    async def connect() -> postgres.Connection:
        raise AssertionError("it needs no connection for this")

    admitted = admission.Admission(installation.settings(), connect, ClockByHand())
    admitted.granted = True
    admitted.failed(0, "kafka: a time-out")
    assert not admitted.is_lost()
    admitted.outdated(0)
    assert admitted.is_lost()
    admitted.released(0)
    assert not admitted.is_lost()
