"""Claims event keys: decides which events of a batch are applied, and which are duplicates or expired."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from consumer.infra.postgres.column_params import numbers, texts
from consumer.ingest.fence import look_up_claims
from schemas.timestamps import to_microseconds
from schemas.vocabulary import Outcome
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from consumer.infra.postgres.connection import Connection
    from consumer.ingest.batch import MatchedEvent
    from consumer.ingest.fence import KnownClaims

# An event is applied at most an hour before the time it is dated; a day more costs nothing and allows for clocks.
_CLAIMS_MARGIN = timedelta(days=1)
_SQL = queries("batch")


@dataclass(frozen=True, slots=True)
class Claims:
    """not_applied: the outcomes of the matched events that are not applied, by ordinal.

    conflicting: how many of them are duplicates with other contents than the event that was applied. new: account,
    event key and digest of the claims to be made.
    """

    not_applied: Mapping[int, Outcome]
    conflicting: int
    new: Sequence[tuple[int, bytes, int]] = ()


async def claim_events(
    connection: Connection, matched: Sequence[MatchedEvent], known: KnownClaims, claim_window: timedelta
) -> Claims:
    """Decide which keys of these events to claim; `lock_contacts` makes the claims."""
    claimed, horizons = known.digests, known.horizons
    since = datetime.now(UTC) - claim_window + _CLAIMS_MARGIN
    expired = {
        one.ordinal
        for one in (matched if horizons else ())
        if one.event.occurred_us < horizons.get(one.account.id, 0)
    }
    oldest = to_microseconds(since)
    old = [one for one in matched if one.event.occurred_us < oldest or one.ordinal in expired]
    on_timeline = await _find_on_timeline(connection, old) if old else frozenset()

    # Of several events with one key the first that is not expired may claim it.
    first: dict[tuple[int, bytes], MatchedEvent] = {}
    for one in matched:
        if one.ordinal not in expired:
            first.setdefault((one.account.id, one.event.key), one)
    new: list[tuple[int, bytes, int]] = []
    not_applied: dict[int, Outcome] = {}
    conflicting = 0
    for one in matched:
        key = one.account.id, one.event.key
        stored = claimed.get(one.ordinal)
        may_claim = first.get(key)
        if may_claim is one and stored is None:
            new.append((*key, one.event.digest))
            if one.ordinal not in on_timeline:
                continue
        if may_claim is None and stored is None and one.ordinal not in on_timeline:
            not_applied[one.ordinal] = Outcome.EXPIRED
        else:
            not_applied[one.ordinal] = Outcome.DUPLICATE
            applied = stored if stored is not None else may_claim and may_claim.event.digest
            conflicting += applied is not None and applied != one.event.digest
    # In order, so that two transactions that claim the same keys wait for each other one way only.
    return Claims(not_applied, conflicting, sorted(new))


async def claim_others(
    connection: Connection,
    claims: Claims,
    matched: Sequence[MatchedEvent],
    gone: AbstractSet[int],
    claim_window: timedelta,
) -> Claims:
    """Give the claims back, and decide on those of the events that are not gone: what is gone is not remembered.

    gone: ordinals of events.
    """
    if claims.new:
        accounts, keys, _ = zip(*claims.new, strict=True)
        await connection.execute(_SQL["release_claims"], accounts, keys)
    left = [one for one in matched if one.ordinal not in gone]
    others = await claim_events(connection, left, await look_up_claims(connection, left), claim_window)
    return Claims({**others.not_applied, **dict.fromkeys(gone, Outcome.GONE)}, others.conflicting, others.new)


async def _find_on_timeline(connection: Connection, old: Sequence[MatchedEvent]) -> frozenset[int]:
    """Return the ordinals of those of these events that are on the timeline, though their claims may be gone."""
    rows = await connection.fetch(
        _SQL["on_timeline"],
        numbers([one.account.id for one in old]),
        texts([one.event.subject for one in old]),
        numbers([one.event.occurred_us for one in old]),
        [one.event.key for one in old],
    )
    return frozenset(old[row["number"] - 1].ordinal for row in rows)
