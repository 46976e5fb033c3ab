"""Writes the events of calls to Kafka: those that come together in one batch for each partition.

A caller is answered once all replicas have its events. After a refusal or a time-out they may have arrived all the
same: ids make the caller's repetition a duplicate. Never repeats a record by itself.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from consumer.infra import kafka
from consumer.infra.wait import backoff
from consumer.relay import producers
from consumer.relay.record_batches import murmur2

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiokafka import AIOKafkaProducer

    from consumer.infra.clock import Clock
    from consumer.infra.settings import Settings
    from consumer.infra.telemetry.metrics import Metrics
    from consumer.web.tracker.calls.outcome import TrackedRecord

log = structlog.get_logger(__name__)

TOPIC = "tracked"
_HEADERS = [("content-type", b"application/cloudevents+json")]

# What may wait for Kafka at a time; calls beyond it are refused before their bodies are read.
_MOST_CALLS, _MOST_BYTES = 2_000, 64 << 20
# Of a batch for one partition: half of what topics take by default. Halved where a broker refuses it, down to the
# least; a larger record is a batch of its own.
_BATCH_BYTES, _LEAST_BATCH_BYTES = 512 << 10, 64 << 10
# Seconds between two rounds of sending, if calls come that fast: a request to a broker costs as much as ten events
# in one. A call that comes alone does not wait.
_PAUSE = 0.004
# Seconds between two looks for calls that have waited too long.
_LOOK = 0.25
# Seconds after which partitions that were added to the topic are seen.
_TOPIC_SECONDS = 10.0
# Seconds after which a batch without an answer is given up with its producer. aiokafka repeats it for ever.
_GIVEN_UP = 30.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 5.0
# AssertionError: aiokafka asserts if it has met a fatal error before.
_FAILURES = (KafkaError, kafka.TopicsMissingError, OSError, TimeoutError, AssertionError)
_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)


class UnavailableError(Exception):
    """Kafka has not acknowledged an event in time, or is away; it may have arrived."""


class _Call:
    """The records of one call; left: how many are not acknowledged yet."""

    __slots__ = ("began", "done", "left", "size")

    def __init__(self, left: int, size: int, began: float, done: asyncio.Future[None]) -> None:
        self.left = left
        self.size = size
        self.began = began
        self.done = done


class _Lane:
    """The records for one partition: those that wait, and those of the batch that is on its way."""

    __slots__ = ("number", "sent", "sent_at", "waiting")

    def __init__(self, number: int) -> None:
        self.number = number
        self.waiting: list[tuple[TrackedRecord, _Call]] = []
        self.sent: list[_Call] | None = None
        self.sent_at = 0.0


class KafkaWriter:
    """The tracker's producer, and what waits for it. `run` keeps it connected.

    patience: seconds that a call waits for its acknowledgement.
    """

    def __init__(self, settings: Settings, metrics: Metrics, clock: Clock, *, patience: float = 4.0) -> None:
        self._settings = settings
        self._topic = settings.topic(TOPIC)
        self._clock = clock
        self._patience = patience
        self._seconds = metrics.tracker_kafka_seconds
        self._producer: AIOKafkaProducer | None = None
        self._lanes: list[_Lane] = []
        self._ready_lanes: set[_Lane] = set()
        self._wake = asyncio.Event()
        self._broken: asyncio.Event = asyncio.Event()
        self._calls: set[_Call] = set()
        self._bytes = 0
        self._batch_bytes = _BATCH_BYTES
        metrics.tracker_waiting.set_function(lambda: len(self._calls))

    @property
    def connected(self) -> bool:
        """Whether there is a producer; without one every call is refused at once."""
        return self._producer is not None

    @property
    def full(self) -> bool:
        """Whether no further call may wait."""
        return len(self._calls) >= _MOST_CALLS or self._bytes >= _MOST_BYTES

    def write(self, records: Sequence[TrackedRecord]) -> asyncio.Future[None]:
        """Enqueue records; the future ends when all are acknowledged, or with an UnavailableError."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not records:
            done.set_result(None)
            return done
        if self._producer is None:
            done.set_exception(UnavailableError("not connected to Kafka"))
            return done
        size = sum(len(record.key) + len(record.value) for record in records)
        call = _Call(len(records), size, self._clock.monotonic(), done)
        self._calls.add(call)
        self._bytes += size
        count = len(self._lanes)
        for record in records:
            # As Kafka's own clients choose it: a contact's events stay in order.
            lane = self._lanes[(murmur2(record.key) & 0x7FFFFFFF) % count]
            lane.waiting.append((record, call))
            if lane.sent is None:
                self._ready_lanes.add(lane)
        self._wake.set()
        return done

    async def run(self) -> None:
        """Keep a producer until cancelled; a new one after each failure whose outcome is unknown."""
        attempt = 0
        while True:
            producer = producers.make_producer(
                self._settings, producers.Deadlines(), role="tracker", topics_seconds=_TOPIC_SECONDS
            )
            try:
                await self._start(producer)
                attempt = 0
                log.info("tracker writes to Kafka", topic=self._topic, partitions=len(self._lanes))
                await self._send_until_broken(producer)
                log.warning("tracker begins with a new producer")
            except _FAILURES as error:
                log.warning("tracker cannot write to Kafka", because=repr(error)[:300])
            finally:
                self._producer = None
                self._fail(list(self._calls), "the connection to Kafka was lost")
                await producers.discard(producer, producers.Deadlines().stop)
            attempt += 1
            await asyncio.sleep(backoff(attempt, first=_FIRST_PAUSE, most=_LONGEST_PAUSE))

    async def _start(self, producer: AIOKafkaProducer) -> None:
        async with asyncio.timeout(producers.Deadlines().start):
            await kafka.start_client(producer)
            # Asking for a topic by name would create it on some brokers.
            partitions = (await kafka.partitions_by_topic(producer.client)).get(self._topic)
            if not partitions:
                raise kafka.TopicsMissingError(f"topic is missing: {self._topic}; run `engagement topics`")
            await producer.client.set_topics([self._topic])
        self._lanes = [_Lane(number) for number in range(partitions)]
        self._ready_lanes.clear()
        self._broken = asyncio.Event()
        self._producer = producer

    async def _send_until_broken(self, producer: AIOKafkaProducer) -> None:
        """Send until a batch fails; raises the error of a task that has ended with one."""
        running = (self._send(producer), self._watch(producer), self._broken.wait())
        tasks = [asyncio.ensure_future(each) for each in running]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _send(self, producer: AIOKafkaProducer) -> None:
        """Send what waits. While a lane's batch is on its way, its next one grows; so it does within a pause."""
        sent_at = float("-inf")
        while True:
            await self._wake.wait()
            if (left := sent_at + _PAUSE - self._clock.monotonic()) > 0:
                await asyncio.sleep(left)
            sent_at = self._clock.monotonic()
            self._wake.clear()
            while self._ready_lanes:
                lane = self._ready_lanes.pop()
                builder = self._batch(producer, lane)
                if builder is None:
                    continue
                sent = await producer.send_batch(builder, self._topic, partition=lane.number)
                sent.add_done_callback(partial(self._acknowledged, lane, self._broken))

    def _batch(self, producer: AIOKafkaProducer, lane: _Lane) -> Any | None:
        """Return a batch of a lane's records; records of calls that were given up are left out."""
        builder = producer.create_batch()
        taken = 0
        calls: list[_Call] = []
        for record, call in lane.waiting:
            if not call.done.done():
                if calls and builder.size() + len(record.value) > self._batch_bytes:
                    break
                # None: the batch is full. A first record is taken whatever its size.
                taken_in = builder.append(
                    timestamp=None, key=record.key, value=record.value, headers=_HEADERS
                )
                if taken_in is None:
                    break
                calls.append(call)
            taken += 1
        del lane.waiting[:taken]
        if not calls:
            return None
        builder.close()
        lane.sent, lane.sent_at = calls, self._clock.monotonic()
        return builder

    def _acknowledged(self, lane: _Lane, broken: asyncio.Event, future: asyncio.Future[Any]) -> None:
        """End the calls of a batch. broken: of the producer that has sent it."""
        calls, lane.sent = lane.sent or [], None
        if future.cancelled() or (error := future.exception()) is not None:
            if not future.cancelled():
                log.warning("Kafka refused a batch of the tracker", because=repr(error)[:300])
                if isinstance(error, _TOO_LARGE):
                    self._batch_bytes = max(_LEAST_BATCH_BYTES, self._batch_bytes // 2)
            self._fail(calls, "Kafka refused it")
            broken.set()
            return
        now = self._clock.monotonic()
        for call in calls:
            call.left -= 1
            if not call.left:
                self._seconds.observe(now - call.began)
                self._end(call)
                if not call.done.done():
                    call.done.set_result(None)
        if lane.waiting:
            self._ready_lanes.add(lane)
            self._wake.set()

    async def _watch(self, producer: AIOKafkaProducer) -> None:
        """Refuse calls that have waited too long; give up a producer that hangs, or whose topic has grown."""
        while True:
            await asyncio.sleep(_LOOK)
            now = self._clock.monotonic()
            late = [call for call in self._calls if now - call.began > self._patience]
            if late:
                self._fail(late, "Kafka does not acknowledge it")
                # Those of a lane whose leader is away are not sent any more: they must not fill the memory.
                for lane in self._lanes:
                    lane.waiting = [each for each in lane.waiting if not each[1].done.done()]
            if any(lane.sent is not None and now - lane.sent_at > _GIVEN_UP for lane in self._lanes):
                self._broken.set()
            partitions = producer.client.cluster.partitions_for_topic(self._topic)
            if partitions and len(partitions) > len(self._lanes):
                self._lanes += [_Lane(number) for number in range(len(self._lanes), len(partitions))]

    def _fail(self, calls: Sequence[_Call], why: str) -> None:
        for call in calls:
            self._end(call)
            if not call.done.done():
                call.done.set_exception(UnavailableError(why))
                # Its handler may be gone: asyncio would log an exception that was never retrieved.
                call.done.exception()

    def _end(self, call: _Call) -> None:
        if call in self._calls:
            self._calls.discard(call)
            self._bytes -= call.size
