"""The guard against silent resends, without a broker: what is sent again, and that aiokafka is as it was read."""

from __future__ import annotations

import hashlib
import inspect
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import aiokafka
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import (
    ConcurrentTransactions,
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    KafkaConnectionError,
    NodeNotReadyError,
    NotCoordinatorError,
    ProducerFenced,
    RequestTimedOutError,
)
from aiokafka.producer import sender
from aiokafka.producer.message_accumulator import BatchBuilder, MessageAccumulator, MessageBatch
from aiokafka.producer.transaction_manager import TransactionManager
from aiokafka.structs import TopicPartition

from consumer.relay.send_once import AddPartitionsOnce, EndTxnOnce, LostResponseError

if TYPE_CHECKING:
    from collections.abc import Callable

# Read the source again before writing a new hash here: send_once.py, producers.py and plain_publisher.py rely on
# each of these as of this version (docs/decisions/0017-aiokafka-patches.md).
READ = {
    "AddPartitionsToTxnHandler": "112129b2ac04fe8e",
    "EndTxnHandler": "47656efcfc994fbe",
    "BaseHandler": "41fc76293ab9b0b3",
    "InitPIDHandler": "4f466dcfc4b1f233",
    "SendProduceReqHandler": "708c9da866caf440",
    "Sender": "46ef144176b79ef8",
    "TransactionManager": "d0932794d69a6780",
    "MessageAccumulator": "562530971ca9bd19",
    "MessageBatch": "36a7b1dac89d2910",
    "BatchBuilder": "8050802ca7514186",
    "AIOKafkaProducer.__init__": "fd6f2966fb3dc883",
    "AIOKafkaProducer.start": "bae900a5e83a6d97",
    "AIOKafkaProducer.send_batch": "bf42b0f0c5c0646d",
    "AIOKafkaProducer.begin_transaction": "f5128199fc271ddc",
    "AIOKafkaProducer.commit_transaction": "c7f9677c89413f97",
    "AIOKafkaClient.send": "246b277687d7b687",
    "AIOKafkaClient._get_conn": "68ce5d8391719d33",
    "AIOKafkaClient.close": "02119d4d618ae493",
    "AIOKafkaConnection.send": "5909ea32f4efca49",
    "AIOKafkaConnection.close": "28f164aa1e4f0bbc",
}
PLACE = TopicPartition("positions", 0)
HANDLERS: dict[str, Callable[[Any], Any]] = {
    "AddPartitionsToTxn": lambda sender: AddPartitionsOnce(sender, {PLACE}),
    "EndTxn": lambda sender: EndTxnOnce(sender, 1),
}


def test_aiokafka_is_the_one_that_was_read() -> None:
    """The version is 0.14.0 and the source of everything replaced or relied on is unchanged."""
    assert aiokafka.__version__ == "0.14.0"
    parts = [
        sender.AddPartitionsToTxnHandler,
        sender.EndTxnHandler,
        sender.BaseHandler,
        sender.InitPIDHandler,
        sender.SendProduceReqHandler,
        sender.Sender,
        TransactionManager,
        MessageAccumulator,
        MessageBatch,
        BatchBuilder,
        AIOKafkaProducer.__init__,
        AIOKafkaProducer.start,
        AIOKafkaProducer.send_batch,
        AIOKafkaProducer.begin_transaction,
        AIOKafkaProducer.commit_transaction,
        AIOKafkaClient.send,
        AIOKafkaClient._get_conn,
        AIOKafkaClient.close,
        AIOKafkaConnection.send,
        AIOKafkaConnection.close,
    ]
    assert {
        part.__qualname__: hashlib.sha256(inspect.getsource(part).encode()).hexdigest()[:16] for part in parts
    } == READ


class _Sender:
    """As much of aiokafka's sender as a handler needs; answers with errors or codes, in turn."""

    def __init__(self, *answers: Exception | int) -> None:
        self.sent = 0
        self._answers = list(answers)
        self._retry_backoff = 0
        self._txn_manager = TransactionManager("id", 15_000)
        self._txn_manager.set_pid_and_epoch(7, 3)
        self._txn_manager.begin_transaction()
        self._txn_manager.maybe_add_partition_to_txn(PLACE)
        self.client = SimpleNamespace(send=self._send)

    async def _send(self, _node: int, _request: Any, *, group: Any) -> Any:
        assert group == ConnectionGroup.COORDINATION
        self.sent += 1
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return SimpleNamespace(errors=[("positions", [(0, answer)])])

    def _coordinator_dead(self, _kind: Any) -> None:
        pass


class _SingleCodeSender(_Sender):
    async def _send(self, node: int, request: Any, *, group: Any) -> Any:
        ((_, ((_, code),)),) = (await super()._send(node, request, group=group)).errors
        return SimpleNamespace(error_code=code)


def _sender_for(request: str, *answers: Exception | int) -> _Sender:
    return (_Sender if request == "AddPartitionsToTxn" else _SingleCodeSender)(*answers)


@pytest.mark.parametrize("request_name", HANDLERS)
@pytest.mark.parametrize(
    "lost", [RequestTimedOutError(), KafkaConnectionError("reset"), NodeNotReadyError()], ids=repr
)
async def test_a_lost_response_ends_the_producer(request_name: str, lost: Exception) -> None:
    """Time-out, reset or no connection: the request was sent once and its error ends aiokafka's sender."""
    fake = _sender_for(request_name, lost)
    with pytest.raises(LostResponseError, match="has no answer"):
        await HANDLERS[request_name](fake).do(1)
    assert fake.sent == 1
    assert issubclass(LostResponseError, ProducerFenced)


@pytest.mark.parametrize("request_name", HANDLERS)
@pytest.mark.parametrize(
    "refusal", [CoordinatorNotAvailableError, NotCoordinatorError, CoordinatorLoadInProgressError]
)
async def test_an_answer_that_proves_nothing_ends_it_too(request_name: str, refusal: Any) -> None:
    """Refusals that may follow a write to the coordinator's log are not answered by the same request again."""
    fake = _sender_for(request_name, refusal.errno)
    with pytest.raises(LostResponseError, match=f"was answered {refusal.__name__}"):
        await HANDLERS[request_name](fake).do(1)
    assert fake.sent == 1


async def test_the_daily_refusal_between_transactions_is_followed_by_the_same_request() -> None:
    """CONCURRENT_TRANSACTIONS to AddPartitionsToTxn is "not yet": it is sent again."""
    fake = _Sender(ConcurrentTransactions.errno, ConcurrentTransactions.errno, 0)
    assert await HANDLERS["AddPartitionsToTxn"](fake).do(1) is True
    assert fake.sent == 3


async def test_the_same_refusal_to_the_end_of_one_ends_the_producer() -> None:
    """CONCURRENT_TRANSACTIONS to EndTxn may come after its decision was written: it is not sent again."""
    fake = _SingleCodeSender(ConcurrentTransactions.errno)
    with pytest.raises((LostResponseError, ConcurrentTransactions)):
        await HANDLERS["EndTxn"](fake).do(1)
    assert fake.sent == 1


async def test_success_is_taken() -> None:
    """An answer without error is a success."""
    assert await HANDLERS["AddPartitionsToTxn"](_Sender(0)).do(1) is True
