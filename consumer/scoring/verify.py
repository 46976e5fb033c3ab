"""Verifies the database: judges the stored timeline again from scratch and reports every difference.

Compares verdicts, tallies, gates, scores, ranks, XP and the outbox in one REPEATABLE READ snapshot, some contacts
at a time. Repairs nothing. The rule is consumer/domain/verdict_rule.py.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from consumer.domain.verdict_rule import Edition, TimelineEntry, wrong_verdicts
from consumer.infra import postgres
from consumer.scoring.find_account import find_account
from schemas.vocabulary import Per, Policy, Verdict
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import asyncpg

_SQL = queries("verify")
# Contacts whose entries are in memory at a time.
_CHUNK_CONTACTS = 500
# Queries of which each row is a difference.
_COMPARISONS = ("identity", "purged", "scores", "ranks", "unannounced", "messages", "xp")


@dataclass(slots=True)
class VerifyReport:
    """How much was verified, and one line for each difference."""

    contacts: int = 0
    entries: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)


async def verify(
    dsn: str, *, account: str | None = None, progress: Callable[[VerifyReport], None] = lambda _report: None
) -> VerifyReport:
    """Verify one account or all; calls `progress` after each chunk of contacts.

    Raises UnknownAccountError, and errors of asyncpg.
    """
    connection = await postgres.connect(
        dsn, command_timeout=3600, statement_timeout="0", idle_in_transaction_session_timeout="0"
    )
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            report = VerifyReport()
            number = None if account is None else await find_account(connection, account)
            editions = await _editions(connection)
            last = 0
            while contacts := await connection.fetch(_SQL["contacts"], last, _CHUNK_CONTACTS, number):
                numbers = [row["id"] for row in contacts]
                last = numbers[-1]
                await _verify_contacts(connection, numbers, editions, report)
                report.contacts += len(numbers)
                progress(report)
            stored = await connection.fetchval(_SQL["entries_stored"], number)
            if stored != report.entries:
                report.differences.append(
                    f"timeline: {stored} entries, but {report.entries} of known contacts"
                )
            for name in _COMPARISONS:
                rows = await connection.fetch(_SQL[name], number)
                report.differences += [row["difference"] for row in rows]
            # Shards belong to no account.
            report.differences += [row["difference"] for row in await connection.fetch(_SQL["positions"])]
            return report
    finally:
        await connection.close()


async def _editions(connection: postgres.Connection) -> dict[int, dict[int, Edition]]:
    editions: defaultdict[int, dict[int, Edition]] = defaultdict(dict)
    for row in await connection.fetch(_SQL["editions"]):
        editions[row["definition_id"]][row["number"]] = Edition.stored(
            row["policy"], row["interval_seconds"], row["per"]
        )
    return editions


async def _verify_contacts(
    connection: postgres.Connection,
    contacts: list[int],
    editions: dict[int, dict[int, Edition]],
    report: VerifyReport,
) -> None:
    """Compare verdicts, tallies and gates of these contacts with those that follow from their entries."""
    entries: defaultdict[tuple[int, int], list[TimelineEntry]] = defaultdict(list)
    for row in await connection.fetch(_SQL["entries"], contacts):
        entries[row["contact_id"], row["definition_id"]].append(_entry(row))
    for (contact, definition), of_definition in entries.items():
        report.entries += len(of_definition)
        report.verdicts.update(entry.verdict.value for entry in of_definition)
        report.differences += [
            f"verdict: contact {contact}, definition {definition}, event {entry.event_key.hex()}:"
            f" stored {entry.verdict}, judged {verdict}"
            for entry, verdict in wrong_verdicts(of_definition, editions[definition])
        ]
    tallies = {tuple(row[:3]): row["count"] for row in await connection.fetch(_SQL["tallies"], contacts)}
    gates = {
        tuple(row[:4]): row["last_counted_key"] for row in await connection.fetch(_SQL["gates"], contacts)
    }
    report.differences += _compare("tally", tallies, _tallies(entries))
    report.differences += _compare("gate", gates, _gates(entries, editions))


def _entry(row: asyncpg.Record) -> TimelineEntry:
    return TimelineEntry(
        row["occurred_at"],
        row["event_key"],
        row["edition"],
        row["object_id"],
        row["settled"],
        Verdict(row["verdict"]),
        row["came_by"],
    )


def _tallies(entries: dict[tuple[int, int], list[TimelineEntry]]) -> dict[tuple[int, ...], int]:
    return dict(
        Counter(
            (contact, definition, entry.edition)
            for (contact, definition), of_definition in entries.items()
            for entry in of_definition
            if entry.verdict is Verdict.COUNTED
        )
    )


def _gates(
    entries: dict[tuple[int, int], list[TimelineEntry]], editions: dict[int, dict[int, Edition]]
) -> dict[tuple[int | str, ...], bytes]:
    """Return the last counted event of each dedup key, settled events left out."""
    last: dict[tuple[int | str, ...], TimelineEntry] = {}
    for (contact, definition), of_definition in entries.items():
        for entry in of_definition:
            edition = editions[definition][entry.edition]
            if entry.settled or entry.verdict is not Verdict.COUNTED or edition.policy is Policy.ALWAYS:
                continue
            object_key = (entry.object_id or "") if edition.per is Per.OBJECT else ""
            key = (contact, definition, entry.edition, object_key)
            if key not in last or last[key].order < entry.order:
                last[key] = entry
    return {key: entry.event_key for key, entry in last.items()}


def _compare(name: str, stored: Mapping[Any, object], computed: Mapping[Any, object]) -> Iterator[str]:
    for key in sorted(stored.keys() | computed.keys(), key=repr):
        if stored.get(key) != computed.get(key):
            yield f"{name}: {key}: stored {stored.get(key)!r}, computed {computed.get(key)!r}"
