"""Whether database and topics hold what must follow from the traffic: nothing lost, nothing applied twice.

Owns the comparison with the oracle and with the messages that a stranger reads. Never repairs or waits.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import asyncpg

from consumer.scoring.verify import verify
from schemas.vocabulary import (
    BAND_CHANGED_TOPIC,
    DEAD_LETTERS_TOPIC,
    SCORE_CHANGED_TOPIC,
    XP_CREDITED_TOPIC,
)
from tests.kafka.committed_reader import crossings_of
from tests.pipeline import service

if TYPE_CHECKING:
    from tests.kafka.installation import Installation
    from tests.kafka.traffic import Traffic
    from tests.oracle import Oracle


async def progress(installation: Installation) -> int:
    """Return how many records are processed by the positions in the database; -1 while it is away."""
    return await _count(installation, "select coalesce(sum(next_offset), 0) from lanes")


async def outbox_rows(installation: Installation) -> int:
    """Return how many rows of the outbox are not known to be published; -1 while the database is away."""
    return await _count(
        installation,
        "select count(*) from outbox join relay_floors using (shard)"
        " where first_position + cardinality(kinds) - 1 > floor",
    )


async def _count(installation: Installation, statement: str) -> int:
    try:
        return int(await installation.database.fetchval(statement))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return -1


async def assert_agrees(installation: Installation, traffic: Traffic) -> None:
    """Compare everything with the oracle, and what a reader of committed messages finds with the database."""
    oracle = traffic.oracle()
    connection = await asyncpg.connect(installation.dsn)
    try:
        await _assert_state(connection, oracle)
        stored = await connection.fetch("select value from dead_letters")
        assert Counter(row["value"] for row in stored) == Counter(traffic.broken), "dead letters"
        report = await verify(installation.dsn)
        assert report.differences == []
        assert report.entries == len(oracle.timeline)
        await _assert_score_messages(connection, installation)
        await _assert_band_messages(installation)
        await _assert_xp_messages(connection, installation, oracle)
    finally:
        await connection.close()
    letters = await installation.read(DEAD_LETTERS_TOPIC)
    assert Counter(letter.value for letter in letters) == Counter(traffic.broken), "dead letters published"


async def message_ids(connection: asyncpg.Connection[asyncpg.Record]) -> set[str]:
    """Return the ids of all messages that the database made, those of dead letters as topic/partition/offset."""
    rows = await connection.fetch("""
        select concat_ws(':', 1, a.key, p.key, c.external_id, k) as id
        from scores n join contacts c on c.id = n.contact_id join accounts a on a.id = c.account_id
        join profiles p on p.id = n.profile_id and p.published_version = n.version
        cross join generate_series(1, n.message_version) k
        union all
        select concat_ws(':', 1, a.key, encode(t.event_key, 'hex'), d.key, k)
        from timeline t join accounts a on a.id = t.account_id join definitions d on d.id = t.definition_id
        cross join generate_series(1, t.credit_number) k
        union all
        select concat_ws('/', topic, partition, "offset") from dead_letters""")
    return {row["id"] for row in rows}


async def _assert_state(connection: asyncpg.Connection[asyncpg.Record], oracle: Oracle) -> None:
    entries = await service.entries(connection)
    # The number of XP messages of an entry depends on what was committed together; whether it is credited does not.
    assert {key: entry[:4] for key, entry in entries.items()} == {
        key: entry[:4] for key, entry in oracle.entries.items()
    }, "entries"
    assert {key: entry[4] % 2 for key, entry in entries.items()} == {
        key: entry[4] % 2 for key, entry in oracle.entries.items()
    }, "XP of entries"
    assert await service.tallies(connection) == oracle.tallies, "tallies"
    assert await service.scores(connection) == oracle.scores, "scores"


async def _assert_score_messages(
    connection: asyncpg.Connection[asyncpg.Record], installation: Installation
) -> None:
    """Each contact's chain on the topic is 1 … n, each once and in order, and ends at the stored score."""
    chains: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
    for message in await installation.messages(SCORE_CHANGED_TOPIC):
        data = message["data"]
        chain = chains[message["accountid"], data["profile"], message["subject"]]
        assert data["version"] == len(chain) + 1, "a message came twice or was overtaken"
        assert data["overall"]["previous"] == (chain[-1] if chain else 0), "a link of the chain is broken"
        chain.append(data["overall"]["current"])
    shown = await service.scores(connection)
    rows = await connection.fetch("""
        select a.key as account, p.key as profile, c.external_id, n.message_version
        from scores n join contacts c on c.id = n.contact_id join accounts a on a.id = c.account_id
        join profiles p on p.id = n.profile_id and p.published_version = n.version
        where n.message_version is not null""")
    assert {key: (len(chain), chain[-1]) for key, chain in chains.items()} == {
        key: (row["message_version"], shown[key]["overall"])
        for row in rows
        for key in [(row["account"], row["profile"], row["external_id"])]
    }, "chains"


async def _assert_band_messages(installation: Installation) -> None:
    """Each crossing that a score-changed message names is on its topic, once, and those of a contact in order."""
    crossed: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    known: dict[tuple[str, str, str, str], str] = {}
    for message in await installation.messages(SCORE_CHANGED_TOPIC):
        data = message["data"]
        key = (message["accountid"], data["profile"], message["subject"])
        for axis, change in {"": data["overall"], **data["groups"]}.items():
            if "band" in change:
                previous, current = change["band"]["previous"], change["band"]["current"]
                assert known.setdefault((*key, axis), previous) == previous, "a band does not follow"
                known[*key, axis] = current
        crossed[key] += crossings_of(message)
    found: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    for message in await installation.messages(BAND_CHANGED_TOPIC):
        key = (message["accountid"], message["data"]["profile"], message["subject"])
        versions = [int(one.split(":")[4]) for one in [*found[key][-1:], message["id"]]]
        assert versions == sorted(versions), "crossings out of order"
        found[key].append(message["id"])
    assert {key: sorted(ids) for key, ids in found.items()} == {
        key: sorted(ids) for key, ids in crossed.items() if ids
    }, "crossings"


async def _assert_xp_messages(
    connection: asyncpg.Connection[asyncpg.Record], installation: Installation, oracle: Oracle
) -> None:
    """Each entry's credits and reversals are on the topic, and add up to the actors' net XP."""
    messages = await installation.messages(XP_CREDITED_TOPIC)
    expected = await message_ids(connection)
    ids = {message["id"] for message in messages}
    assert len(ids) == len(messages), "XP published twice"
    scores = {message["id"] for message in await installation.messages(SCORE_CHANGED_TOPIC)}
    assert ids | scores == {each for each in expected if "/" not in each}, "XP published"
    net: Counter[tuple[str, str]] = Counter()
    for message in messages:
        net[message["accountid"], message["subject"]] += message["data"]["amount"]
    assert {actor: xp for actor, xp in net.items() if xp} == {
        actor: xp for actor, xp in oracle.net_xp.items() if xp
    }, "net XP"
