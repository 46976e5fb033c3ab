"""The keys that this process knows: looked up in memory by their hash, kept fresh from Postgres in the background.

Without Postgres it goes on with what it knows: keys that were made or revoked meanwhile are seen once it is back.
Counts of what tokens have accepted and refused wait in memory for a few seconds; only a crash loses them.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime  # noqa: TC003 - msgspec reads annotations at run time
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
import structlog

from consumer.domain.tracker_keys import hash_of
from consumer.infra.postgres.connection_keeper import ConnectionKeeper
from consumer.infra.postgres.errors import retry_reason
from consumer.infra.telemetry.repeated_lines import RepeatedLines
from consumer.web.tracker.write_key import WriteKey
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    import asyncpg

    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection

log = structlog.get_logger(__name__)

_SQL = queries("tracker_tokens")
# Seconds from one look for changes to the next, that a look may take, and after an error.
_EVERY: Final = 0.5
_PATIENCE: Final = 5.0
_RETRY_AFTER: Final = 1.0
# Seconds from one writing of counts to the next, and for the last one.
_COUNTS_EVERY: Final = 5.0
_LAST_PATIENCE: Final = 2.0
# Tokens that one statement reads, or counts.
_AT_ONCE: Final = 500
# Characters of the longest text that is looked up.
_LONGEST: Final = 100

Shared = TypeVar("Shared", str, frozenset[str])


class _Known(msgspec.Struct, frozen=True, gc=False):
    """A key's token, and until when the key is valid; None: for ever."""

    write_key: WriteKey
    expires_at: datetime | None


@dataclass(slots=True)
class _Keys:
    """All keys as of a revision; loaded from 0 on."""

    incarnation: int
    revision: int = 0
    by_hash: dict[bytes, _Known] = field(default_factory=dict)
    by_token: dict[str, tuple[bytes, ...]] = field(default_factory=dict)

    def take(self, row: asyncpg.Record, shared: dict[Any, Any]) -> None:
        """Take a token as it is now, in place of what was known of it. shared: by equal values, those in use."""
        token = row["id"]
        for each in self.by_token.pop(token, ()):
            del self.by_hash[each]
        hashes = tuple(row["hashes"] or ())
        for each, secret, expires_at in zip(hashes, row["secrets"] or (), row["expiries"] or (), strict=True):
            self.by_hash[each] = _Known(_write_key(row, secret, shared), expires_at)
        self.by_token[token] = hashes
        self.revision = row["revision"]


@dataclass(slots=True)
class _Count:
    """What a token has done since counts were written."""

    accepted: int
    refused: int
    used_at: datetime

    def add(self, accepted: int, refused: int, used_at: datetime) -> None:
        self.accepted += accepted
        self.refused += refused
        self.used_at = max(self.used_at, used_at)


class KnownKeys:
    """All keys of the installation. connect: opens a connection for the background alone."""

    def __init__(self, connect: Callable[[], Awaitable[Connection]], clock: Clock) -> None:
        self._connect = connect
        self._clock = clock
        self._keys: _Keys | None = None
        self._fresh_at = clock.monotonic()
        self._counts: dict[str, _Count] = {}
        self._counts_written_at = clock.monotonic()
        self._repeated = RepeatedLines(clock.monotonic)

    # What requests ask -----------------------------------------------------------------------------------------

    def find(self, key: str) -> WriteKey | None:
        """Return the token of a valid key, None for any other text.

        How long it takes depends on the text's length, and on nothing that a caller could approach a key by: what
        is compared are hashes, which nobody can choose.
        """
        known = self._known(key)
        if known is None or self._is_over(known):
            return None
        return known.write_key

    def find_ended(self, key: str) -> WriteKey | None:
        """Return the token of a key that has expired, or whose token was revoked; for explanations alone."""
        known = self._known(key)
        return known.write_key if known is not None and self._is_over(known) else None

    @property
    def is_loaded(self) -> bool:
        """Whether keys have been read; until then none can be called unknown."""
        return self._keys is not None

    @property
    def age(self) -> float:
        """Seconds since the keys were last seen to be those of the database."""
        return self._clock.monotonic() - self._fresh_at

    def note(self, write_key: WriteKey, accepted: int, refused: int, now: datetime) -> None:
        """Count events of a token."""
        count = self._counts.get(write_key.id)
        if count is None:
            self._counts[write_key.id] = _Count(accepted, refused, now)
        else:
            count.add(accepted, refused, now)

    def _known(self, key: str) -> _Known | None:
        if self._keys is None or len(key) > _LONGEST:
            return None
        return self._keys.by_hash.get(hash_of(key))

    def _is_over(self, known: _Known) -> bool:
        return known.expires_at is not None and known.expires_at <= self._clock.now()

    # The background --------------------------------------------------------------------------------------------

    async def keep_fresh(self) -> None:
        """Keep the keys fresh and write counts, until cancelled; cancel it when no more calls come."""
        with ConnectionKeeper(self._connect) as database:
            try:
                while True:
                    pause = await self._try_round(database)
                    await asyncio.sleep(pause)
            finally:
                # A statement may have been cancelled on it.
                database.drop()
                await self._write_last_counts(database)

    async def _try_round(self, database: ConnectionKeeper) -> float:
        """Look for changes, write counts if it is time, and return the seconds until the next round."""
        try:
            await self._refresh(database)
            if self._clock.monotonic() - self._counts_written_at >= _COUNTS_EVERY:
                await self._write_counts(database)
        except Exception as error:
            if retry_reason(error) is None:
                raise
            database.drop()
            self._repeated.warn(
                *(log, "tracker keys wait for the database"),
                loaded=self.is_loaded,
                error=repr(error)[:200],
            )
            return _RETRY_AFTER
        return _EVERY

    async def _refresh(self, database: ConnectionKeeper) -> None:
        """Take what has changed; all keys at first, and after the database has lost commits."""
        async with asyncio.timeout(_PATIENCE):
            position = await (await database.get()).fetchrow(_SQL["position"])
        if position is None:
            raise LookupError("tracker_revision has no row")
        incarnation, revision = position["incarnation"], position["revision"]
        keys = self._keys
        if keys is None or keys.incarnation != incarnation or keys.revision > revision:
            keys = _Keys(incarnation)
        # Of many tokens that are read at once equal values are kept once.
        shared: dict[Any, Any] = {}
        while keys.revision < revision:
            async with asyncio.timeout(_PATIENCE):
                rows = await (await database.get()).fetch(_SQL["changed"], keys.revision, _AT_ONCE)
            for row in rows:
                keys.take(row, shared)
            if len(rows) < _AT_ONCE:
                break
        keys.revision = max(keys.revision, revision)
        self._keys = keys
        self._fresh_at = self._clock.monotonic()

    async def _write_counts(self, database: ConnectionKeeper) -> None:
        """Write all counts; those that could not be written are counted on."""
        self._counts_written_at = self._clock.monotonic()
        counts, self._counts = self._counts, {}
        try:
            tokens = [*counts]
            for start in range(0, len(tokens), _AT_ONCE):
                some = tokens[start : start + _AT_ONCE]
                async with asyncio.timeout(_PATIENCE):
                    rows = await (await database.get()).fetch(_SQL["count"], *_columns(counts, some))
                for row in rows:
                    del counts[row["id"]]
                if self.age > _EVERY:
                    await self._refresh(database)
        finally:
            for token, left in counts.items():
                # Not of one that the database has lost.
                if self._keys is not None and token in self._keys.by_token:
                    count = self._counts.setdefault(token, _Count(0, 0, left.used_at))
                    count.add(left.accepted, left.refused, left.used_at)

    async def _write_last_counts(self, database: ConnectionKeeper) -> None:
        error: Exception | None = None
        try:
            async with asyncio.timeout(_LAST_PATIENCE):
                await self._write_counts(database)
        except Exception as failure:
            if retry_reason(failure) is None:
                raise
            error = failure
        if self._counts:
            log.warning(
                "counts of tracker tokens are lost", tokens=len(self._counts), error=repr(error)[:200]
            )


def _columns(
    counts: Mapping[str, _Count], tokens: Sequence[str]
) -> tuple[Sequence[str], list[int], list[int], list[datetime]]:
    some = [counts[token] for token in tokens]
    return (
        tokens,
        [count.accepted for count in some],
        [count.refused for count in some],
        [count.used_at for count in some],
    )


def _write_key(row: asyncpg.Record, secret: str, shared: dict[Any, Any]) -> WriteKey:
    def once(value: Shared) -> Shared:
        found: Shared = shared.setdefault(value, value)
        return found

    return WriteKey(
        id=row["id"],
        account=once(row["account"]),
        name=row["name"],
        origins=once(frozenset(row["origins"])),
        event_names=once(frozenset(row["event_names"])),
        anonymous_only=row["anonymous_only"],
        may_set_traits=row["may_set_traits"],
        keeps_addresses=row["keeps_addresses"],
        query_parameters=once(frozenset(row["query_parameters"])),
        per_second=row["per_second"],
        per_second_by_address=row["per_second_by_address"],
        per_day=row["per_day"],
        signing_secret=secret.encode(),
    )
