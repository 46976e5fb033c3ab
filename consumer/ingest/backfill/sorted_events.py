"""Sorts events by contact, on disk where they are many; those of one contact stay in their order.

The files have no names: nothing is left of them, however the process ends.
"""

from __future__ import annotations

import heapq
import struct
import tempfile
from typing import IO, TYPE_CHECKING, Final, NamedTuple, Self

import msgspec

from consumer.domain.model import Event, Record

if TYPE_CHECKING:
    from collections.abc import Iterator

# Bytes of events in memory; as many go to each file.
_IN_MEMORY: Final = 64 << 20
_LENGTH: Final = struct.Struct(">I")
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(tuple[Event, Record]).decode
_decode_sorting: Final = msgspec.msgpack.Decoder(tuple[str, str, bytes]).decode


class _Item(NamedTuple):
    """An event as it is sorted. packed: it and its record, as MessagePack."""

    account: str
    subject: str
    packed: bytes


class SortedEvents:
    """Takes events in, gives them out by account and contact; leaving it as a context manager forgets them."""

    def __init__(self, in_memory: int = _IN_MEMORY) -> None:
        self._in_memory = in_memory
        self._items: list[_Item] = []
        self._bytes = 0
        self._files: list[IO[bytes]] = []
        self._count = 0

    def add(self, event: Event, record: Record) -> None:
        """Add an event. record: where it comes from; without key, value and headers."""
        packed = _encode((event, record))
        self._items.append(_Item(event.account, event.subject, packed))
        self._bytes += len(packed)
        self._count += 1
        if self._bytes > self._in_memory:
            self._write_file()

    def __iter__(self) -> Iterator[tuple[Event, Record]]:
        """Yield the events of one contact after the other; none may be added any more."""
        self._sort()
        # Of equal contacts the file that was written first comes first.
        for item in heapq.merge(*map(_read_file, self._files), self._items, key=_contact):
            yield _decode(item.packed)

    def __len__(self) -> int:
        return self._count

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for file in self._files:
            file.close()

    def _sort(self) -> None:
        self._items.sort(key=_contact)

    def _write_file(self) -> None:
        self._sort()
        file = tempfile.TemporaryFile(prefix="engagement-backfill-")  # noqa: SIM115 - read much later
        for item in self._items:
            packed = _encode(item)
            file.write(_LENGTH.pack(len(packed)))
            file.write(packed)
        file.flush()
        self._files.append(file)
        self._items, self._bytes = [], 0


def _contact(item: _Item) -> tuple[str, str]:
    return item.account, item.subject


def _read_file(file: IO[bytes]) -> Iterator[_Item]:
    file.seek(0)
    while length := file.read(_LENGTH.size):
        yield _Item(*_decode_sorting(file.read(_LENGTH.unpack(length)[0])))
