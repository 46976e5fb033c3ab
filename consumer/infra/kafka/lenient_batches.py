"""Reads Kafka's record batches so that no record in one can make it unreadable, and says which lane one was of.

Kafka calls header names strings, but brokers and many clients take any bytes for one; aiokafka reads them as UTF-8
and fails with the whole batch, each time it is fetched. Here such a name is read as headers.py has it. A batch that
is broken beyond that (its checksum does not fit, its compression fails) ends in an error that names its lane: by
itself aiokafka does not say, so that one lane would hold up all.

Owns these two replacements in aiokafka. Never looks at what a record says.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException, KafkaError
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

from consumer.domain.record_headers import WRONG_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiokafka import TopicPartition

# Of a batch: what its length does not count (its offset, and the length itself); where its format stands, and
# the first format that has headers.
_HEAD = 12
_MAGIC = 16
_WITH_HEADERS = 2


class UnreadableBatchError(KafkaError):  # type: ignore[misc] # aiokafka ships no types
    """A batch that is no records at all; `partition` says of which log, `offset` where it should have begun."""

    def __init__(self, partition: TopicPartition, offset: int, error: BaseException) -> None:
        super().__init__(f"{partition.topic}/{partition.partition} at {offset}: {error!r}")
        self.partition = partition
        self.offset = offset


def install() -> None:
    """Let every consumer of this process read batches this way."""
    fetcher.MemoryRecords = LenientBatches
    fetcher.PartitionRecords = _PartitionRecords


class _PartitionRecords(fetcher.PartitionRecords):  # type: ignore[misc] # aiokafka ships no types
    """The records of one lane that a fetch brought."""

    def __next__(self) -> Any:
        try:
            return super().__next__()
        except StopIteration:
            raise
        except Exception as error:
            raise UnreadableBatchError(self._tp, self.next_fetch_offset, error) from error


class LenientBatches:
    """What a fetch brought of one lane, batch by batch; in the place of aiokafka's MemoryRecords."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._begin = 0
        self._broken: CorruptRecordException | None = None
        try:
            self._records = MemoryRecords(content)
        except CorruptRecordException as error:
            # Here it would end aiokafka's fetching altogether; next_batch is where errors are looked for.
            self._broken = error

    def size_in_bytes(self) -> int:
        """Return how many bytes the fetch brought."""
        return len(self._content)

    def has_next(self) -> bool:
        """Tell whether there is another whole batch."""
        return self._broken is not None or bool(self._records.has_next())

    def next_batch(self) -> Any:
        """Return the next batch, an iterator of records with what aiokafka asks of one."""
        if self._broken is not None:
            raise self._broken
        batch = self._records.next_batch()
        begin = self._begin
        length = int.from_bytes(self._content[begin + 8 : begin + _HEAD], "big")
        self._begin = begin + _HEAD + length
        if batch is None or self._content[begin + _MAGIC] < _WITH_HEADERS:
            return batch
        return _Batch(batch, self._content[begin : self._begin])


class _Batch:
    """A batch that is read by aiokafka's fast reader, and by its plain one where that fails."""

    def __init__(self, batch: Any, content: bytes) -> None:
        self._batch = batch
        self._content = content

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        read = 0
        try:
            for record in self._batch:
                read += 1
                yield record
        except (UnicodeDecodeError, CorruptRecordException):
            yield from islice(_read_leniently(self._content), read, None)


def _read_leniently(content: bytes) -> _DefaultRecordBatchPy:
    """Return the records of a batch; raises CorruptRecordException where more than a name is wrong with it."""
    batch = _DefaultRecordBatchPy(content)
    batch._maybe_uncompress()  # noqa: SLF001 - aiokafka is pinned, and tests/kafka proves that this works
    batch._buffer = _LenientBuffer(batch._buffer)  # noqa: SLF001
    return batch


class _LenientBuffer(bytearray):
    """Bytes of which the plain reader cuts keys, values and, the only ones that it decodes, names."""

    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        return _LenientBuffer(found) if isinstance(index, slice) else found

    def decode(self, encoding: str = "utf-8", _errors: str = "strict") -> str:
        return super().decode(encoding, WRONG_BYTES)
