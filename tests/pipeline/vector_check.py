"""Runs a vector's steps through the path and compares the results with what the vector expects."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from tests import vectors
from tests.oracle import crossing, event_key
from tests.pipeline import service
from tests.pipeline.purging import purge

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from consumer.infra.postgres.connection import Connection


async def check_vector(
    vector: vectors.Vector,
    worker: service.Service,
    connection: Connection,
    apply: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Take the steps of a vector in a database of its own, documents by `apply`, and check what it expects."""
    after: list[tuple[int, str]] = []  # how many XP messages there were after each batch, and its last record
    for step in vector.steps:
        if isinstance(step, vectors.Apply):
            await apply(step.document)
        elif isinstance(step, vectors.Purge):
            await purge(connection, vector.account, step.horizon)
        else:
            if step.backfilled:
                await worker.backfill(step.records, with_xp=step.with_xp)
            else:
                await worker.batch(step.records)
            await service.carry_out(worker.dsn)
            _, xp = await service.messages(connection)
            after.append((len(xp), _label(step.records[-1].source, step.records[-1].id)))

    expect = vector.expect
    assert worker.outcomes == expect["outcomes"]
    assert await _verdicts(connection) == {key: dict(value) for key, value in expect["verdicts"].items()}
    assert await _tallies(connection) == expect["tallies"]
    scores = {contact: score for (_, _, contact), score in (await service.scores(connection)).items()}
    assert scores == expect["scores"]
    changed, xp = await service.messages(connection)
    ids = [message["subject"] for message in changed if "id" in message]
    assert Counter(ids) == expect["score_messages"]
    bands = {contact: bands for (_, _, contact), bands in (await service.bands(connection)).items() if bands}
    assert bands == expect.get("bands", {})
    assert await _crossings(connection) == expect.get("crossings", {})
    _assert_chained(
        changed, adds_up=not await connection.fetchval("select exists (select from version_groups)")
    )
    _assert_xp(xp, after, expect["xp"])


async def _crossings(connection: Connection) -> dict[str, list[str]]:
    crossings: defaultdict[str, list[str]] = defaultdict(list)
    for message in await service.band_changes(connection):
        data = message["data"]
        crossings[message["subject"]].append(
            crossing(data["group"], data["band"]["previous"], data["band"]["current"])
        )
    return crossings


def _assert_chained(changed: list[dict[str, Any]], *, adds_up: bool) -> None:
    """Check that each message follows from the one before. adds_up: no version has bounds."""
    by_contact: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for message in changed:
        by_contact[message["subject"]].append(message)
    for chain in by_contact.values():
        versions = [message["data"]["version"] for message in chain if "id" in message]
        assert versions == list(range(1, len(versions) + 1))
        previous = 0
        for message in chain:
            data = message["data"]
            if "id" not in message:  # a tombstone
                previous = 0
                continue
            assert data["overall"]["previous"] == previous
            previous = data["overall"]["current"]
            if adds_up and data["causes"] in (["events"], ["backfill"]):
                moved = previous - data["overall"]["previous"]
                assert sum(event["points"] for event in data["events"]) == moved


def _assert_xp(
    xp: list[dict[str, Any]], after: list[tuple[int, str]], expected: list[dict[str, Any]]
) -> None:
    """Within one commit they may come in any order."""
    labels = [next(label for count, label in after if place < count) for place in range(len(xp))]
    stem = "1:acme:{}:{}:{}"
    shown = [
        (label, message["id"], message["subject"], message["data"]["amount"], message["data"]["reverses"])
        for label, message in zip(labels, xp, strict=True)
    ]
    wanted = []
    for one in expected:
        source, _, event = one["event"].rpartition(" ")
        key = event_key(source or "/crm", event).hex()
        reverses = one["reverses"] and stem.format(key, one["definition"], one["reverses"])
        identity = stem.format(key, one["definition"], one["K"])
        wanted.append((one["after"], identity, one["actor"], one["amount"], reverses))
    assert sorted(shown, key=str) == sorted(wanted, key=str)
    assert [label for label, *_ in shown] == [one["after"] for one in expected]


async def _verdicts(connection: Connection) -> dict[str, dict[str, str]]:
    rows = await connection.fetch("""
        select d.key, t.source, t.event_id, t.verdict
        from timeline t join definitions d on d.id = t.definition_id
        where t.purged_at is null""")
    found: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for row in rows:
        found[row["key"]][_label(row["source"], row["event_id"])] = row["verdict"]
    return dict(found)


async def _tallies(connection: Connection) -> dict[str, dict[str, int]]:
    totals: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for (_, contact, definition, _), count in (await service.tallies(connection)).items():
        totals[contact][definition] += count
    return {contact: dict(counts) for contact, counts in totals.items()}


def _label(source: Any, identity: Any) -> str:
    return str(identity) if source == "/crm" else f"{source} {identity}"
