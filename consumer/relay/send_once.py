"""Guards against silent resends: a transactional request is sent once, and a lost response ends the producer.

Why: aiokafka sends such a request again when its response is lost. The first copy may still be on its way and
arrive inside the *next* transaction, whose epoch is the same (only initialising a producer raises it): a late
EndTxn then commits half of that transaction. After an error the caller discards the producer and initialises
another, whose higher epoch fences every request of the older one.

One refusal may be followed by the same request: CONCURRENT_TRANSACTIONS to AddPartitionsToTxn, which is normal
between two transactions. The coordinator gives it before it writes anything (Apache Kafka 4.1,
TransactionCoordinator.handleAddPartitionsToTransaction: `Left(CONCURRENT_TRANSACTIONS)`), and the refused copy is
used up. After every other refusal that aiokafka retries the outcome is unknown:
- COORDINATOR_NOT_AVAILABLE and NOT_COORDINATOR also mean that a write to the coordinator's log timed out, or that
  its leader changed after it (TransactionStateManager.appendTransactionToLog), so it may have happened;
- CONCURRENT_TRANSACTIONS to EndTxn also comes after its decision was written
  (TransactionCoordinator.endTransaction, sendTxnMarkersCallback);
- COORDINATOR_LOAD_IN_PROGRESS and UNKNOWN_TOPIC_OR_PARTITION are rare, and a new producer costs half a second.
A request that was never sent (no connection) could be repeated safely; it ends the producer too, since the broker
is gone.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiokafka.client import CoordinationType
from aiokafka.errors import ConcurrentTransactions, KafkaError, ProducerFenced, for_code
from aiokafka.producer.sender import AddPartitionsToTxnHandler, EndTxnHandler

from consumer.relay.producers import TrackedSender

if TYPE_CHECKING:
    from aiokafka.structs import TopicPartition

# Seconds until a refused request is repeated, doubled each time up to aiokafka's own pause: 20 or 100 ms, of which
# the markers of the transaction before need a small part.
_FIRST_PAUSE = 0.002


class LostResponseError(ProducerFenced):  # type: ignore[misc] # aiokafka ships no types
    """The effect of a transactional request is unknown.

    A ProducerFenced, because aiokafka's sender raises those unchanged; others become a traceback in the log and a
    KafkaError without a reason.
    """


class _SentOnce:
    """Replaces BaseHandler.do of aiokafka in the two handlers."""

    # Whether CONCURRENT_TRANSACTIONS proves that the request had no effect.
    _may_repeat = False

    async def do(self: Any, node_id: int) -> bool:
        pause = _FIRST_PAUSE
        while True:
            request = self.create_request()
            name = type(request).__name__
            try:
                response = await self._sender.client.send(node_id, request, group=self.group)
            except KafkaError as error:
                raise LostResponseError(f"{name} has no answer: {error!r}") from error
            longest_pause = self.handle_response(response)
            if longest_pause is None:
                return True
            refusals = {for_code(code) for code in _codes(response)}
            if not self._may_repeat or refusals != {ConcurrentTransactions}:
                names = ", ".join(sorted(refusal.__name__ for refusal in refusals))
                raise LostResponseError(f"{name} was answered {names}")
            await asyncio.sleep(min(pause, longest_pause))
            pause *= 2


class AddPartitionsOnce(_SentOnce, AddPartitionsToTxnHandler):  # type: ignore[misc] # as above
    """AddPartitionsToTxn; all partitions are added or none."""

    _may_repeat = True


class EndTxnOnce(_SentOnce, EndTxnHandler):  # type: ignore[misc] # as above
    """EndTxn."""


class OnceSender(TrackedSender):
    """aiokafka's sender with the two handlers replaced; the rest of each method is a copy of aiokafka's."""

    async def _do_add_partitions_to_txn(self, partitions: set[TopicPartition]) -> bool:
        return await AddPartitionsOnce(self, partitions).do(await self._transaction_coordinator())

    async def _do_txn_commit(self, commit_result: int) -> None:
        await self._message_accumulator.flush_for_commit()
        if self._txn_manager.is_empty_transaction():
            self._txn_manager.complete_transaction()
            return
        await EndTxnOnce(self, commit_result).do(await self._transaction_coordinator())

    async def _transaction_coordinator(self) -> int:
        node_id: int = await self._find_coordinator(
            CoordinationType.TRANSACTION, self._txn_manager.transactional_id
        )
        return node_id


def _codes(response: Any) -> set[int]:
    """Return the error codes of a response: EndTxn's has one, AddPartitionsToTxn's one for each partition."""
    if hasattr(response, "errors"):
        return {code for _, partitions in response.errors for _, code in partitions}
    return {response.error_code}
