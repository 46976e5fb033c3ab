"""Asking a broker for its release.

Kafka has no request for its version; it follows from the newest
`metadata.version` that the broker supports, which every release raises.
"""

from __future__ import annotations

import asyncio
import struct

from consumer.demo.servers import ServerFailedError

# The last metadata.version of each release.
_RELEASES = {19: "3.7", 20: "3.8", 21: "3.9", 25: "4.0", 27: "4.1"}
_CLIENT = b"engagement-tests"
_SECONDS = 10.0


async def broker_version(bootstrap: str) -> str:
    """Return `Kafka 4.1` or the like; raises ServerFailedError where nothing that speaks Kafka answers.

    bootstrap: the first of its addresses is asked, without encryption or a login.
    """
    host, _, port = bootstrap.split(",", maxsplit=1)[0].strip().rpartition(":")
    try:
        async with asyncio.timeout(_SECONDS):
            reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
            try:
                # ApiVersions v3, correlation 1; in v3 strings are compact (length + 1) and end in no tags.
                name = bytes([len(_CLIENT) + 1]) + _CLIENT
                body = struct.pack(">hhih", 18, 3, 1, len(_CLIENT)) + _CLIENT + b"\0" + name + b"\x021\0"
                writer.write(struct.pack(">i", len(body)) + body)
                (size,) = struct.unpack(">i", await reader.readexactly(4))
                answer = await reader.readexactly(size)
            finally:
                writer.close()
    except (OSError, ValueError, EOFError, TimeoutError) as error:
        raise ServerFailedError(f"no broker answers at {bootstrap}: {error!r}") from None
    return _release(_Reader(answer))


def _release(answer: _Reader) -> str:
    answer.skip(4)
    if answer.short() != 0:
        return "Kafka older than 2.4"
    for _ in range(answer.unsigned() - 1):
        answer.skip(6)  # an api's number, first and last version
        answer.tags()
    answer.skip(4)
    for _ in range(answer.unsigned()):
        tag, size = answer.unsigned(), answer.unsigned()
        if tag != 0:  # 0: the features that the broker supports
            answer.skip(size)
            continue
        for _ in range(answer.unsigned() - 1):
            feature = answer.take(answer.unsigned() - 1)
            answer.skip(2)
            newest = answer.short()
            answer.tags()
            if feature == b"metadata.version":
                known = [name for level, name in _RELEASES.items() if newest <= level]
                release = known[0] if known else f"newer than {max(_RELEASES.values())}"
                return f"Kafka {release} (metadata.version {newest})"
    return "Kafka without metadata.version"


class _Reader:
    """The bytes of an answer, taken from the front."""

    def __init__(self, answer: bytes) -> None:
        self._rest = answer

    def take(self, size: int) -> bytes:
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def skip(self, size: int) -> None:
        self.take(size)

    def short(self) -> int:
        (value,) = struct.unpack(">h", self.take(2))
        return int(value)

    def unsigned(self) -> int:
        """Seven bits a byte, the lowest first, until one without the eighth."""
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def tags(self) -> None:
        for _ in range(self.unsigned()):
            self.unsigned()
            self.skip(self.unsigned())
