"""The delayed-request attack: a request whose answer is lost arrives after all, amid the next transaction.

Each request is held in a proxy, by time-out or by connection reset, and released amid the next transaction; then
the publisher dies and another goes on. `answer` is what the broker said to the late copy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from consumer.relay.producers import Deadlines, TrackedSender
from consumer.relay.send_once import OnceSender
from consumer.relay.transactional_publisher import TransactionalPublisher
from tests.kafka.kafka_proxy import Api, Frame
from tests.kafka.miniature_relay import BATCH, MiniatureRelay, assert_each_once_in_order, prepare, visible

if TYPE_CHECKING:
    import asyncio

    from tests.kafka.broker_with_proxy import Proxied

pytestmark = [pytest.mark.real_kafka, pytest.mark.usefixtures("nothing_unseen")]

TOTAL = 4 * BATCH
# What is held, and before which request of the next transaction it arrives.
HELD = {Api.END_TXN: Api.PRODUCE, Api.ADD_PARTITIONS: Api.END_TXN}

# aiokafka's own time-out comes first: only the guard can keep it from sending again …
IMPATIENT_CLIENT = Deadlines(operation=10, request=1)
# … or ours does, as in production: the producer is given up before.
IMPATIENT_PUBLISHER = Deadlines(operation=1, request=10)
CASES = {
    "reset": (True, Deadlines()),
    "time-out of the client": (False, IMPATIENT_CLIENT),
    "time-out of the publisher": (False, IMPATIENT_PUBLISHER),
}


@pytest.fixture
def several_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a batch have one message, so that a transaction needs several Produce requests."""
    monkeypatch.setattr("consumer.relay.producers.BATCH_BYTES", 100)


@dataclass
class _Outcome:
    answer: int
    found: list[int]
    doubts: int


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("held", HELD, ids=lambda api: api.name)
async def test_with_the_guard(proxied: Proxied, topic_prefix: str, held: Api, case: str) -> None:
    """The late copy is refused, for its producer was given up at the lost answer; every message is there once."""
    outcome = await _attack(proxied, topic_prefix, held, case, OnceSender)
    assert outcome.answer != 0
    assert outcome.doubts == 1
    assert_each_once_in_order(outcome.found, TOTAL)


@pytest.mark.parametrize("held", HELD, ids=lambda api: api.name)
async def test_deadlines_alone_close_the_hole_for_time_outs(
    proxied: Proxied, topic_prefix: str, held: Api
) -> None:
    """Without the guard, but given up before aiokafka's time-out: refused, and every message is there once."""
    outcome = await _attack(proxied, topic_prefix, held, "time-out of the publisher", TrackedSender)
    assert outcome.answer != 0
    assert_each_once_in_order(outcome.found, TOTAL)


@pytest.mark.usefixtures("several_requests")
@pytest.mark.parametrize("case", ["reset", "time-out of the client"])
async def test_without_it_a_transaction_is_torn(proxied: Proxied, topic_prefix: str, case: str) -> None:
    """A late EndTxn commits messages without the position, which follows in the last request: they are doubled."""
    outcome = await _attack(proxied, topic_prefix, Api.END_TXN, case, TrackedSender, requests_before=1)
    assert outcome.answer == 0
    doubled = {number for number in range(1, TOTAL + 1) if outcome.found.count(number) == 2}
    assert doubled
    assert doubled < set(range(2 * BATCH + 1, 3 * BATCH + 1))


@pytest.mark.parametrize("case", ["reset", "time-out of the client"])
async def test_without_it_the_next_transaction_takes_what_is_not_its_own(
    proxied: Proxied, topic_prefix: str, case: str
) -> None:
    """A late AddPartitions is taken into the next transaction, whose own request was the same."""
    outcome = await _attack(proxied, topic_prefix, Api.ADD_PARTITIONS, case, TrackedSender)
    assert outcome.answer == 0
    assert_each_once_in_order(outcome.found, TOTAL)


async def test_a_late_produce_is_known_by_its_sequence(proxied: Proxied, topic_prefix: str) -> None:
    """Messages may be sent again within a transaction: a first copy that arrives in the next one adds nothing."""
    outcome = await _attack(proxied, topic_prefix, Api.PRODUCE, "reset", OnceSender)
    assert outcome.doubts == 0
    assert_each_once_in_order(outcome.found, TOTAL)


async def test_a_late_initialisation_ends_what_is_under_way(proxied: Proxied, topic_prefix: str) -> None:
    """An InitProducerId may be sent again: its late copy shuts our own producer out, which is noticed, not torn."""
    settings = await prepare(proxied.server, topic_prefix, proxied.bootstrap)
    held = proxied.proxy.hold(Api.INIT_PRODUCER_ID, reset=True)
    publishes = 0

    async def arrive(_frame: Frame) -> bool:
        await held.result().release()
        return False

    def before_publish() -> None:
        nonlocal publishes
        publishes += 1
        if publishes == 2:
            proxied.proxy.on(Api.END_TXN, arrive)

    relay = MiniatureRelay(lambda: TransactionalPublisher(settings, 0), before_publish=before_publish)
    await relay.publish_all(TOTAL)
    assert relay.doubts == 1
    assert_each_once_in_order(await visible(proxied.server.bootstrap, topic_prefix), TOTAL)


async def _attack(
    proxied: Proxied,
    topic_prefix: str,
    held: Api,
    case: str,
    sender: type[TrackedSender],
    *,
    requests_before: int = 0,
) -> _Outcome:
    """Publish four batches while the second one's request is held and released in the next transaction.

    requests_before: of the kind before which it arrives, how many go ahead of it.
    """
    reset, deadlines = CASES[case]
    settings = await prepare(proxied.server, topic_prefix, proxied.bootstrap)
    answers: list[int] = []
    holding: asyncio.Future[Frame] | None = None
    publishes = 0

    def make() -> TransactionalPublisher:
        publisher = TransactionalPublisher(settings, 0, deadlines)
        publisher.sender = sender
        return publisher

    async def arrive(frame: Frame) -> bool:
        assert holding is not None
        answers.append(await holding.result().release())
        frame.link.mute = True
        await frame.release()
        relay.crash.set()
        return True

    async def wait_for_moment(frame: Frame) -> bool:
        nonlocal requests_before
        if requests_before == 0:
            return await arrive(frame)
        requests_before -= 1
        proxied.proxy.on(HELD[held], wait_for_moment)
        return False

    def before_publish() -> None:
        nonlocal holding, publishes
        publishes += 1
        if publishes == 2:
            holding = proxied.proxy.hold(held, reset=reset)
        elif publishes == 3:
            assert holding is not None
            assert holding.done()
            proxied.proxy.on(HELD.get(held, Api.END_TXN), wait_for_moment)

    relay = MiniatureRelay(make, before_publish=before_publish)
    await relay.publish_all(TOTAL)
    assert relay.crashes == 1
    (answer,) = answers
    return _Outcome(answer, await visible(proxied.server.bootstrap, topic_prefix), relay.doubts)
