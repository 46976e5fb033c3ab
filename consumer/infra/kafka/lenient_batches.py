"""Replaces two classes of aiokafka's fetcher, so that one bad record or batch does not stop all lanes.

Header names that are not UTF-8: Kafka calls them strings, but brokers and many clients accept any bytes. aiokafka
decodes them as UTF-8 and fails with the whole batch, each time it is fetched; here they are decoded as
domain/record_headers.py does it.

Batches that are broken otherwise (wrong checksum, failing decompression): the error names the partition, as an
attribute, which aiokafka's does not.

docs/decisions/0017-aiokafka-patches.md says what would make this module go.
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

# Bytes of a batch before the part that its length field counts (base offset, and the length itself); position of
# the magic byte; the first format with headers.
_LENGTH_END = 12
_MAGIC = 16
_MAGIC_WITH_HEADERS = 2


class UnreadableBatchError(KafkaError):  # type: ignore[misc] # aiokafka ships no types
    """A batch that cannot be decoded, at this offset of this partition."""

    def __init__(self, partition: TopicPartition, offset: int, error: BaseException) -> None:
        super().__init__(f"{partition.topic}/{partition.partition} at {offset}: {error!r}")
        self.partition = partition
        self.offset = offset


def install() -> None:
    """Replace the classes for every consumer of this process."""
    fetcher.MemoryRecords = LenientBatches
    fetcher.PartitionRecords = _PartitionRecords


class _PartitionRecords(fetcher.PartitionRecords):  # type: ignore[misc] # aiokafka ships no types
    """The fetched records of one partition."""

    def __next__(self) -> Any:
        try:
            return super().__next__()
        except StopIteration:
            raise
        except Exception as error:
            raise UnreadableBatchError(self._tp, self.next_fetch_offset, error) from error


class LenientBatches:
    """The fetched batches of one partition, in place of aiokafka's MemoryRecords."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._begin = 0
        self._broken: CorruptRecordException | None = None
        try:
            self._records = MemoryRecords(content)
        except CorruptRecordException as error:
            # Raised here it would end aiokafka's fetch routine; next_batch() is where it expects errors.
            self._broken = error

    def size_in_bytes(self) -> int:
        """Return the number of bytes fetched."""
        return len(self._content)

    def has_next(self) -> bool:
        """Return whether there is another complete batch."""
        return self._broken is not None or bool(self._records.has_next())

    def next_batch(self) -> Any:
        """Return the next batch, an iterator of records with the attributes that aiokafka reads."""
        if self._broken is not None:
            raise self._broken
        batch = self._records.next_batch()
        begin = self._begin
        length = int.from_bytes(self._content[begin + 8 : begin + _LENGTH_END], "big")
        self._begin = begin + _LENGTH_END + length
        if batch is None or self._content[begin + _MAGIC] < _MAGIC_WITH_HEADERS:
            return batch
        return _LenientBatch(batch, self._content[begin : self._begin])


class _LenientBatch:
    """A batch read by aiokafka's C reader, and by its Python reader if that fails."""

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
    """Return the records of a batch; raises CorruptRecordException if more than a header name is wrong."""
    batch = _DefaultRecordBatchPy(content)
    batch._maybe_uncompress()  # noqa: SLF001 - aiokafka is pinned, and tests/kafka/test_bad_records.py proves it
    batch._buffer = _LenientBuffer(batch._buffer)  # noqa: SLF001
    return batch


class _LenientBuffer(bytearray):
    """The buffer of the Python reader, which slices keys, values and names from it and decodes only the names."""

    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        return _LenientBuffer(found) if isinstance(index, slice) else found

    def decode(self, encoding: str = "utf-8", _errors: str = "strict") -> str:
        return super().decode(encoding, WRONG_BYTES)
