"""What the service has committed for some accounts, beside what the oracle says of them.

Owns comparing the two, number by number and message by message. Never decides who is right.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tests.oracle import Tombstone
from tests.pipeline import service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from consumer.infra.postgres.connection import Connection
    from tests.oracle import BandChanged, Oracle, ScoreChanged, XpCredited

SHOWN_CAUSES = 20


@dataclass(frozen=True)
class Stored:
    """What the service has committed. For the shapes see tests/pipeline/service.py.

    score_changed: by account, profile and contact, in order, each without its time. band_changed, xp_credited: by
    id. bounded: versions of profiles, by account, profile and number, in which sums are not all of what is shown.
    """

    entries: dict[tuple[str, str, str, str], tuple[str, int, bool, int, int]]
    tallies: dict[tuple[str, str, str, int], int]
    scores: dict[tuple[str, str, str], dict[str, int]]
    bands: dict[tuple[str, str, str], dict[str, str]]
    contacts: dict[tuple[str, str], dict[str, str]]
    score_changed: dict[tuple[str, str, str], list[dict[str, Any]]]
    band_changed: dict[str, dict[str, Any]]
    xp_credited: dict[str, dict[str, Any]]
    bounded: set[tuple[str, str, int]]

    @property
    def net_xp(self) -> dict[tuple[str, str], int]:
        """(account, actor) -> the sum of the amounts in messages."""
        net: defaultdict[tuple[str, str], int] = defaultdict(int)
        for message in self.xp_credited.values():
            net[message["accountid"], message["subject"]] += message["data"]["amount"]
        return dict(net)


async def read(connection: Connection, accounts: set[str]) -> Stored:
    """Read what is committed for these accounts; fail if the outbox has an XP message, or a crossing, twice."""
    changed, credited = await service.messages(connection)
    score_changed: defaultdict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for message in changed:
        key = (message["accountid"], message["data"]["profile"], message["subject"])
        if message["accountid"] in accounts:
            score_changed[key].append(_timeless(message) if "id" in message else service.TOMBSTONE)
    xp_credited = [_timeless(message) for message in credited if message["accountid"] in accounts]
    by_id = {message["id"]: message for message in xp_credited}
    assert len(by_id) == len(xp_credited), "an XP message came twice"
    crossed = [
        _timeless(message)
        for message in await service.band_changes(connection)
        if message["accountid"] in accounts
    ]
    bands_by_id = {message["id"]: message for message in crossed}
    assert len(bands_by_id) == len(crossed), "a crossing came twice"
    bounded = await connection.fetch("""
        select a.key as account, p.key as profile, f.version from version_groups f
        join profiles p on p.id = f.profile_id join accounts a on a.id = p.account_id
        where f.floor is not null or f.cap is not null or f.apart""")
    return Stored(
        _of(accounts, await service.entries(connection)),
        _of(accounts, await service.tallies(connection)),
        _of(accounts, await service.scores(connection)),
        _of(accounts, await service.bands(connection)),
        _of(accounts, await service.contacts(connection)),
        dict(score_changed),
        bands_by_id,
        by_id,
        {tuple(row) for row in bounded},
    )


def disagreements(stored: Stored, oracle: Oracle) -> list[str]:
    """List what the service committed otherwise than the oracle says, one line each."""
    score_changed = {
        key: [service.TOMBSTONE if isinstance(one, Tombstone) else _score_changed(one) for one in chain]
        for key, chain in oracle.chains.items()
    }
    return [
        *differing("entry", stored.entries, oracle.entries),
        *differing("tally", stored.tallies, oracle.tallies),
        *differing("score", stored.scores, oracle.scores),
        *differing("bands", stored.bands, oracle.bands),
        *differing("contact", stored.contacts, oracle.contacts),
        *differing("score messages", stored.score_changed, score_changed),
        *differing("crossing", stored.band_changed, dict(_band_changed(one) for one in oracle.band_changes)),
        *differing(
            "XP message", stored.xp_credited, {_xp_id(each): _xp_credited(each) for each in oracle.xp}
        ),
        *differing("net XP", stored.net_xp, oracle.net_xp),
    ]


def other_ends(
    stored: Stored, repeated: Stored, rename: Callable[[str], str], *, with_xp: bool = True
) -> list[str]:
    """List where the same events in another order and other accounts have led to something else.

    Messages on the way may differ, and how often XP was reversed; without XP where contacts are deleted (§4).
    """
    compared: dict[str, tuple[Mapping[Any, Any], Mapping[Any, Any]]] = {
        "entry": (_without_numbers(stored.entries), _without_numbers(repeated.entries)),
        "tally": (stored.tallies, repeated.tallies),
        "score": (stored.scores, repeated.scores),
        "contact": (stored.contacts, repeated.contacts),
    }
    if with_xp:
        compared["net XP"] = (_not_zero(stored.net_xp), _not_zero(repeated.net_xp))
    return [
        difference
        for what, (first, second) in compared.items()
        for difference in differing(what, second, {(rename(key[0]), *key[1:]): first[key] for key in first})
    ]


def _without_numbers(entries: Mapping[Any, tuple[Any, ...]]) -> dict[Any, tuple[Any, ...]]:
    return {key: values[:-1] for key, values in entries.items()}


def _not_zero(amounts: Mapping[Any, int]) -> dict[Any, int]:
    return {key: amount for key, amount in amounts.items() if amount}


def differing(what: str, found: Mapping[Any, Any], wanted: Mapping[Any, Any]) -> list[str]:
    """List the keys of which two mappings say different things."""
    return [
        f"{what} {key}: {found.get(key)}, should be {wanted.get(key)}"
        for key in dict.fromkeys([*wanted, *found])
        if found.get(key) != wanted.get(key)
    ]


def broken_chains(stored: Stored) -> list[str]:
    """List the messages that do not go on from the one before, change nothing, or do not add up."""
    broken = []
    for key, messages in stored.score_changed.items():
        version, before = 0, dict[str, int]()
        for message in messages:
            if message == service.TOMBSTONE:
                if not before:
                    broken.append(f"{key}: a tombstone ends nothing after message {version}")
                before = {}
                continue
            version += 1
            data = message["data"]
            is_bounded = (*key[:2], data["profile_version"]) in stored.bounded
            previous, current = _state(message, "previous"), _state(message, "current")
            moved = current["overall"] - previous["overall"]
            if data["version"] != version or previous != (before or dict.fromkeys(previous, 0)):
                broken.append(f"{key}: message {version} does not follow: {data}")
            if previous == current and not _crossed(message):
                broken.append(f"{key}: message {version} changes nothing: {data}")
            before = current
            if (
                data["causes"] in (["events"], ["backfill"])
                and not is_bounded
                and data["event_count"] <= SHOWN_CAUSES
                and sum(each["points"] for each in data["events"]) != moved
            ):
                broken.append(f"{key}: the points of message {version} do not add up: {data}")
            if not is_bounded and current["overall"] != sum(current.values()) - current["overall"]:
                broken.append(f"{key}: the groups of message {version} are not its overall: {data}")
        broken += _broken_bands(key, messages, stored)
    return broken


def _broken_bands(key: tuple[str, str, str], messages: list[dict[str, Any]], stored: Stored) -> Iterator[str]:
    """Yield where bands do not go on from those before, or crossings are not just those that messages name."""
    crossed: list[str] = []
    known: dict[str, str | None] | None = None
    for message in messages:
        if message == service.TOMBSTONE:
            known = None
            continue
        crossed += _crossed(message)
        before = _bands(message, "previous")
        # None: the version before had no bands there.
        if known is not None and any(band not in (None, known.get(of)) for of, band in before.items()):
            yield f"{key}: the bands of a message do not follow {known}: {message['data']}"
        known = _bands(message, "current")
    found = [id_ for id_, one in stored.band_changed.items() if _chain_of(one) == key]
    if sorted(crossed) != sorted(found):
        yield f"{key}: crossings {found}, should be {crossed}"


def _crossed(message: dict[str, Any]) -> list[str]:
    """Return the ids of the band-changed messages that a score-changed message calls for."""
    before, now = _bands(message, "previous"), _bands(message, "current")
    axes = [name for name in now if before[name] != now[name]]
    return [f"{message['id']}:band{'' if name == 'overall' else f':{name}'}" for name in axes]


def _chain_of(message: dict[str, Any]) -> tuple[str, str, str]:
    return message["accountid"], message["data"]["profile"], message["subject"]


def _bands(message: dict[str, Any], when: str) -> dict[str, str | None]:
    data = message["data"]
    each = {"overall": data["overall"], **data["groups"]}
    return {name: one["band"][when] for name, one in each.items() if "band" in one}


async def gaps(connection: Connection) -> list[str]:
    """List where the positions of a shard's outbox do not follow one another up to its head."""
    rows = await connection.fetch("""
        select shard, first_position as first, first_position + cardinality(kinds) as following from outbox
        union all select shard, head + 1, head + 1 from outbox_heads
        union all select shard, 1, 1 from outbox_heads
        order by 1, 2, 3""")
    return [
        f"shard {before['shard']}: {after['first']} after {before['following'] - 1}"
        for before, after in pairwise(rows)
        if before["shard"] == after["shard"] and before["following"] != after["first"]
    ]


def _state(message: dict[str, Any], when: str) -> dict[str, int]:
    data = message["data"]
    return {name: each[when] for name, each in {**data["groups"], "overall": data["overall"]}.items()}


def _of(accounts: set[str], found: Mapping[Any, Any]) -> dict[Any, Any]:
    return {key: value for key, value in found.items() if key[0] in accounts}


def _timeless(message: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in message.items() if name != "time"}


# What the oracle says, as the messages of docs/contracts.md -------------------------------------------------


def _score_changed(message: ScoreChanged) -> dict[str, Any]:
    key = f"{message.account}:{message.profile}:{message.contact}"
    data = {
        "profile": message.profile,
        "profile_version": message.profile_version,
        "version": message.version,
        "causes": list(message.causes),
        "overall": {"previous": message.previous, "current": message.current, **_band(message, None)},
        "groups": {
            group: {"previous": previous, "current": current, **_band(message, group)}
            for group, (previous, current) in message.groups.items()
        },
        "events": [
            {**vars(cause), "occurred_at": _written(cause.occurred_at)}
            for cause in message.events[:SHOWN_CAUSES]
        ],
        "event_count": message.event_count,
    }
    about = {
        "id": f"1:{key}:{message.version}",
        "type": "engagement.score.changed",
        "subject": message.contact,
    }
    return _message(about, message.account, key, data)


def _band(message: ScoreChanged, of: str | None) -> dict[str, Any]:
    if of not in message.bands:
        return {}
    previous, current = message.bands[of]
    return {"band": {"previous": previous, "current": current}}


def _band_changed(one: BandChanged) -> tuple[str, dict[str, Any]]:
    message = one.message
    key = f"{message.account}:{message.profile}:{message.contact}"
    data = {
        "profile": message.profile,
        "profile_version": message.profile_version,
        "version": message.version,
        "causes": list(message.causes),
        "group": one.group,
        "band": {"previous": one.previous, "current": one.current},
        "points": {"previous": one.points[0], "current": one.points[1]},
        "contact": {"name": one.name, "owner": one.owner},
        "event": one.event and {**vars(one.event), "occurred_at": _written(one.event.occurred_at)},
    }
    about = {
        "id": f"1:{key}:{message.version}:band{f':{one.group}' if one.group else ''}",
        "type": "engagement.band.changed",
        "subject": message.contact,
    }
    return about["id"], _message(about, message.account, key, data)


def _xp_credited(message: XpCredited) -> dict[str, Any]:
    data = {
        "amount": message.amount,
        "definition": message.definition,
        "contact": message.contact,
        "occurred_at": _written(message.event.occurred_at),
        "event": {"id": message.event.id, "source": message.event.source, "type": message.event.type},
        "reverses": message.reverses and _xp_id(message, message.reverses),
    }
    key = f"{message.account}:{message.actor}"
    about = {"id": _xp_id(message), "type": "engagement.xp.credited", "subject": message.actor}
    return _message(about, message.account, key, data)


def _message(about: dict[str, str], account: str, key: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        **about,
        "specversion": "1.0",
        "source": "/engagement",
        "accountid": account,
        "datacontenttype": "application/json",
        "data": data,
        "kafka_key": key,
    }


def _xp_id(message: XpCredited, number: int | None = None) -> str:
    key = message.event.key.hex()
    return f"1:{message.account}:{key}:{message.definition}:{number or message.number}"


def _written(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
