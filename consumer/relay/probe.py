"""Shows that this process can publish: Kafka acknowledges a record that no reader takes for a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.relay.outbox_messages import OutgoingMessage
from consumer.relay.plain_publisher import PlainPublisher, PublishedPosition
from consumer.relay.producers import Deadlines
from consumer.relay.transactional_publisher import relay_group
from schemas.vocabulary import OUTPUT_TOPICS, POSITIONS_TOPIC

if TYPE_CHECKING:
    from consumer.infra.settings import Settings

_DEADLINES = Deadlines(start=3.0, operation=3.0)


class _ProbePublisher(PlainPublisher):
    """Without a transaction, and so without an id that two relays would contend for."""

    _topics = (*OUTPUT_TOPICS, POSITIONS_TOPIC)


async def publish_probe(settings: Settings, at: int) -> None:
    """Write a record to the topic of the positions, under a key that is no shard's; in plain mode only connect.

    at: its timestamp, milliseconds by the clock of the database, as messages have. Raises TopicsMissingError and
    DeliveryInDoubtError.
    """
    plain = settings.relay == "plain"
    publisher = PlainPublisher(settings, _DEADLINES) if plain else _ProbePublisher(settings, _DEADLINES)
    try:
        await publisher.start()
        if not plain:
            key = relay_group(settings, "probe").encode()
            await publisher.send(
                [OutgoingMessage(POSITIONS_TOPIC, key, b"", ())], PublishedPosition(0, 0), at
            )
    finally:
        await publisher.discard()
