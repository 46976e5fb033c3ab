"""What a broker keeps of an erased person, once it has compacted its topics: its log files are searched."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from consumer.infra.kafka import create_topics
from schemas.vocabulary import POSITIONS_TOPIC, SCORE_CHANGED_TOPIC
from tests.builders.catalog_documents import document
from tests.builders.events import dated_event
from tests.kafka.installation import Installation
from tests.kafka.worker_in_process import working
from tests.servers.maven_kafka import MavenKafka
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.oracle import OracleRecord

pytestmark = [pytest.mark.real_kafka, pytest.mark.timeout(150)]

# Compacts at once what it otherwise compacts after days: closed segments, and tombstones as well.
_AT_ONCE = {
    "log.cleaner.enable": "true",
    "log.cleaner.backoff.ms": "200",
    "log.cleaner.min.cleanable.ratio": "0.0001",
    "log.cleaner.delete.retention.ms": "0",
    "log.cleaner.dedupe.buffer.size": str(8 << 20),
    "log.roll.ms": "200",
    "log.segment.delete.delay.ms": "0",
}
_PERSON, _EVENT = "person-8c41f7", "order-52d90b"
_COMPACTED = (SCORE_CHANGED_TOPIC, POSITIONS_TOPIC)


@pytest.fixture
async def compacting(database: str, topic_prefix: str) -> AsyncIterator[tuple[Installation, Path]]:
    """Give an installation on a broker that compacts at once, and the folder of its logs."""
    server = MavenKafka(_AT_ONCE)
    await server.start()
    installation = Installation(database, server.bootstrap, topic_prefix)
    try:
        yield installation, server.logs
    finally:
        installation.database.close()
        await server.close()


async def test_compacted_topics_forget_an_erased_person(compacting: tuple[Installation, Path]) -> None:
    """After a deletion, and compaction, no log file of a compacted topic has the person's id, nor an event's."""
    installation, logs = compacting
    settings = installation.settings(input_partitions="1", output_partitions="1")
    assert not [one for one in await create_topics.create_missing(settings) if one.error]
    await installation.apply(document())

    def kept() -> set[str]:
        """Return the compacted topics whose files have the person's id, or the event's."""
        return {
            topic
            for topic in _COMPACTED
            for file in logs.glob(f"{installation.prefix}{topic}-*/*")
            if any(text.encode() in _bytes(file) for text in (_PERSON, _EVENT))
        }

    clock = datetime.now(UTC).replace(microsecond=0)
    others = itertools.count()

    async def forgotten() -> bool:
        """Another contact's message closes the segment before it, which may then be compacted."""
        await installation.produce([_deal(f"other-{next(others)}", f"contact-{next(others)}", clock)])
        return not kept()

    async with working(installation):
        await installation.produce([_deal(_EVENT, _PERSON, clock)])
        await eventually(lambda: kept() == {SCORE_CHANGED_TOPIC}, within=30, what="the person's message")
        after = clock + timedelta(seconds=1)
        await installation.produce([dated_event("gone", after, type="contact.deleted", subject=_PERSON)])
        await eventually(forgotten, within=90, every=0.2, what="compaction")


def _deal(identity: str, contact: str, at: datetime) -> OracleRecord:
    return dated_event(identity, at, subject=contact)


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:  # compacted meanwhile
        return b""
