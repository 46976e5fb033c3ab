"""The guard against silent resends: a transactional request is sent once, and a lost response ends the producer.

Owns which answers may be followed by the same request again. Never starts over: whoever discards the producer
and initialises the next does, and the higher epoch shuts out whatever of the older one is still under way.

Why: aiokafka sends such a request again when its response is lost. The first copy may still be on its way and
arrive inside the *next* transaction, whose epoch is the same (only an initialisation raises it): a late EndTxn
then commits half of that transaction, a late TxnOffsetCommit moves its position back.

What may be asked again is one refusal only, CONCURRENT_TRANSACTIONS to AddPartitionsToTxn and AddOffsetsToTxn, the
daily one between two transactions. The coordinator gives it before it writes anything (Apache Kafka 4.1,
TransactionCoordinator.handleAddPartitionsToTransaction: `Left(CONCURRENT_TRANSACTIONS)`, both requests), and the
refused copy is used up. Everything else that aiokafka would repeat is in doubt:
- COORDINATOR_NOT_AVAILABLE and NOT_COORDINATOR also stand for a write to the coordinator's log that timed out, or
  whose leader changed after it (TransactionStateManager.appendTransactionToLog), so it may have happened;
- CONCURRENT_TRANSACTIONS to EndTxn also comes after its decision was written
  (TransactionCoordinator.endTransaction, sendTxnMarkersCallback);
- COORDINATOR_LOAD_IN_PROGRESS and UNKNOWN_TOPIC_OR_PARTITION are rare, and starting over costs half a second.
A request that never left (no connection) would be safe; it ends the producer too, for there the broker is gone.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiokafka.client import CoordinationType
from aiokafka.errors import (
    ConcurrentTransactions,
    GroupAuthorizationFailedError,
    KafkaError,
    ProducerFenced,
    for_code,
)
from aiokafka.producer.sender import (
    AddOffsetsToTxnHandler,
    AddPartitionsToTxnHandler,
    EndTxnHandler,
    TxnOffsetCommitHandler,
)

from consumer.relay.producers import TrackedSender

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiokafka.structs import OffsetAndMetadata, TopicPartition


class LostResponseError(ProducerFenced):  # type: ignore[misc] # aiokafka ships no types
    """The effect of a transactional request is unknown.

    A ProducerFenced, because aiokafka's sender passes those on as they are, where others end as a traceback in
    the log and a KafkaError without a reason.
    """


class _SentOnce:
    """What the four handlers do in place of aiokafka's BaseHandler.do."""

    # Whether CONCURRENT_TRANSACTIONS proves that nothing happened.
    _may_ask_again = False

    async def do(self: Any, node_id: int) -> bool:
        request = self.create_request()
        name = type(request).__name__
        try:
            response = await self._sender.client.send(node_id, request, group=self.group)
        except KafkaError as error:
            raise LostResponseError(f"{name} has no answer: {error!r}") from error
        backoff = self.handle_response(response)
        if backoff is None:
            return True
        refusals = {for_code(code) for code in _codes(response)}
        if not self._may_ask_again or refusals != {ConcurrentTransactions}:
            names = ", ".join(sorted(refusal.__name__ for refusal in refusals))
            raise LostResponseError(f"{name} was answered {names}")
        await asyncio.sleep(backoff)
        return False


class AddPartitionsOnce(_SentOnce, AddPartitionsToTxnHandler):  # type: ignore[misc] # as above
    """AddPartitionsToTxn; partitions are added all or none."""

    _may_ask_again = True


class AddOffsetsOnce(_SentOnce, AddOffsetsToTxnHandler):  # type: ignore[misc] # as above
    """AddOffsetsToTxn; to the coordinator one more partition to add."""

    _may_ask_again = True


class TxnOffsetCommitOnce(_SentOnce, TxnOffsetCommitHandler):  # type: ignore[misc] # as above
    """TxnOffsetCommit."""


class EndTxnOnce(_SentOnce, EndTxnHandler):  # type: ignore[misc] # as above
    """EndTxn."""


class OnceSender(TrackedSender):
    """aiokafka's sender with the four handlers replaced; the rest of each method is aiokafka's."""

    async def _do_add_partitions_to_txn(self, partitions: set[TopicPartition]) -> bool:
        return await AddPartitionsOnce(self, partitions).do(await self._transaction_coordinator())

    async def _do_add_offsets_to_txn(self, group: str) -> bool:
        return await AddOffsetsOnce(self, group).do(await self._transaction_coordinator())

    async def _do_txn_offset_commit(
        self, offsets: Mapping[TopicPartition, OffsetAndMetadata], group: str
    ) -> None:
        if not offsets:
            return
        try:
            node_id = await self._find_coordinator(CoordinationType.GROUP, group)
        except GroupAuthorizationFailedError as error:
            self._txn_manager.error_transaction(error)
            return
        await TxnOffsetCommitOnce(self, offsets, group).do(node_id)

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
    """Return the error codes of a response, by partition in some and one for all in others."""
    if hasattr(response, "errors"):
        return {code for _, partitions in response.errors for _, code in partitions}
    return {response.error_code}
