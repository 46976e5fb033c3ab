"""What the brokers' limits on sizes mean for messages: how large batches may be, and which messages are shortened.

A topic's limit (`max.message.bytes`) is learned from refusals, since reading it needs rights that a relay may lack.
Why a message is never waited for: docs/decisions/0023-messages-too-large.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from consumer.relay.shorten_message import shortened

if TYPE_CHECKING:
    from collections.abc import Iterable

    from consumer.infra.telemetry.metrics import Metrics
    from consumer.relay.outbox_messages import OutgoingMessage

log = structlog.get_logger(__name__)

# The largest batch that a broker accepts by default (message.max.bytes), and so the largest message.
MAX_BATCH_BYTES = 1_048_588
# Bytes of a batch and a record, at most, beside key, value and headers; of a header beside its name and value.
_RECORD_BYTES = 61 + 32
_HEADER_BYTES = 10


class MessageSizes:
    """The limits of the topics as far as refusals have shown; shared by the shards of a process, for its life."""

    def __init__(self, metrics: Metrics | None = None) -> None:
        self._metrics = metrics
        # By topic without prefix: the largest batch of several messages to send, and the smallest message refused.
        self._batches: dict[str, int] = {}
        self._refused: dict[str, int] = {}

    def largest_batch(self, topic: str) -> int | None:
        """Return how large a batch of several messages may become; None: no batch for the topic was refused."""
        return self._batches.get(topic)

    def refuse(self, topic: str, size: int, messages: int) -> None:
        """Note that a broker refused a batch of so many bytes and messages as too large."""
        if messages > 1:
            self._batches[topic] = min(size, self._batches.get(topic, size)) // 2
        else:
            self._refused[topic] = min(size, self._refused.get(topic, size))
        log.warning("a broker refused a batch as too large", topic=topic, size=size, messages=messages)

    def fitted(self, messages: Iterable[OutgoingMessage]) -> list[OutgoingMessage]:
        """Return the messages to send: large ones shortened, or left out where that is not enough.

        Logs and counts both.
        """
        return [fit for message in messages if (fit := self._fit(message)) is not None]

    def _fit(self, message: OutgoingMessage) -> OutgoingMessage | None:
        size = message_bytes(message)
        refused = self._refused.get(message.topic)
        most = wanted = MAX_BATCH_BYTES
        if refused is None:
            refused = MAX_BATCH_BYTES + 1
        else:
            # Well below what was refused, and messages hardly smaller too: a refusal costs a new producer.
            most, wanted = refused * 7 // 8, refused // 2
        if size <= most:
            return message
        short = shortened(message, wanted, message_bytes)
        if message_bytes(short) >= refused:
            log.error(
                "a message is too large for its topic and was not published: raise the topic's max.message.bytes",
                topic=message.topic,
                size=message_bytes(short),
                refused=refused,
            )
            if self._metrics is not None:
                self._metrics.messages_left_out.labels(message.topic).inc()
            return None
        if short is not message:
            log.warning("a large message was shortened", topic=message.topic, size=size)
            if self._metrics is not None:
                self._metrics.messages_shortened.labels(message.topic).inc()
        return short


def message_bytes(message: OutgoingMessage) -> int:
    """Return the size of a batch with this message alone, or a little more."""
    size = _RECORD_BYTES + len(message.key or b"") + len(message.value or b"")
    for name, value in message.headers:
        size += _HEADER_BYTES + len(name.encode()) + len(value or b"")
    return size
