"""Who is in a segment is what a plain reading of its conditions says, in each of the forms that ask it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from consumer.domain.frame import Band, Frame
from consumer.infra import postgres
from consumer.ingest import timeline_partitions
from consumer.scoring.segments import repository
from consumer.scoring.segments.definition import Match
from consumer.scoring.segments.member_sql import MatchContext, Parameters, member_condition, member_selection
from sql import queries
from tests.pipeline.property_settings import IN_CI
from tests.pipeline.service import apply_document

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
DAY = timedelta(days=1)
EXAMPLES = 60
GROUPS = ("purchase", "mail")
DEFINITIONS = ("won", "opened", "visited")
# By group, None: of overall: floor, cap, and bands with their least points.
FRAMES: dict[str | None, tuple[int, int, tuple[tuple[str, int], ...]]] = {
    None: (-2, 6, (("low", -99), ("mid", -1), ("top", 6))),
    "mail": (-99, 99, (("low", -99), ("mid", 1), ("top", 4))),
}
TAGS = ("vip", 'a "b"', "späť")


@dataclass(frozen=True)
class Person:
    """A contact as drawn. tallies: (definition, edition) -> count. events: (days ago, definition, verdict).

    seen: days ago.
    """

    points: dict[str, int] = field(default_factory=dict)
    tallies: dict[tuple[str, int], int] = field(default_factory=dict)
    events: list[tuple[int, str, str]] = field(default_factory=list)
    owner: str | None = None
    tags: list[str] | None = None
    seen: int = 0


_people = st.builds(
    Person,
    points=st.dictionaries(st.sampled_from(GROUPS), st.integers(-3, 6)),
    tallies=st.dictionaries(
        st.tuples(st.sampled_from(DEFINITIONS), st.integers(1, 2)), st.integers(0, 3), max_size=4
    ),
    events=st.lists(
        st.tuples(
            st.integers(0, 40),
            st.sampled_from(DEFINITIONS),
            st.sampled_from(["counted", "cooling_down", "excluded"]),
        ),
        max_size=4,
    ),
    owner=st.sampled_from([None, "", "rosa", "max"]),
    tags=st.none() | st.lists(st.sampled_from(TAGS), max_size=3),
    seen=st.integers(0, 40),
)


def _bounds(least: int, most: int) -> st.SearchStrategy[dict[str, int]]:
    ends = st.tuples(st.integers(least, most), st.integers(least, most)).map(sorted)
    return ends.flatmap(
        lambda pair: st.sampled_from([{"min": pair[0]}, {"max": pair[1]}, {"min": pair[0], "max": pair[1]}])
    )


# One that is no longer there too.
_definitions = st.lists(st.sampled_from((*DEFINITIONS, "gone")), min_size=1, max_size=3)
_scored = st.builds(
    lambda group, bounds: {"score": {**group, **bounds}},
    st.sampled_from([{}, {"group": "purchase"}, {"group": "mail"}, {"group": "gone"}]),
    _bounds(-4, 8),
)
_counted = st.builds(
    lambda keys, bounds, lately: {"count": {"definitions": keys, **bounds, **lately}},
    _definitions,
    _bounds(0, 5),
    st.just({}) | st.integers(1, 45).map(lambda days: {"within_days": days}),
)
_banded = st.builds(
    lambda group, keys: {"band": {**group, "in": keys}},
    st.sampled_from([{}, {"group": "mail"}, {"group": "purchase"}, {"group": "gone"}]),
    st.lists(st.sampled_from(("low", "mid", "top", "gone")), min_size=1, max_size=3),
)
_owned = st.sampled_from(
    [{"unassigned": True}, {"any_of": ["rosa"]}, {"any_of": ["max", "rosa"]}, {"any_of": ["eve"]}]
).map(lambda asked: {"owner": asked})
_tagged = st.builds(
    lambda word, tags: {"tags": {word: tags}},
    st.sampled_from(["any_of", "all_of"]),
    st.lists(st.sampled_from((*TAGS, "gone")), min_size=1, max_size=2),
)
_seen = st.builds(
    lambda word, days: {"first_seen": {word: days}},
    st.sampled_from(["within_days", "not_within_days"]),
    st.integers(1, 45),
)
_last = st.builds(
    lambda keys, word, days: {"last_event": {**keys, word: days}},
    st.one_of(st.just({}), _definitions.map(lambda keys: {"definitions": keys})),
    st.sampled_from(["within_days", "not_within_days"]),
    st.integers(1, 45),
)
_single = st.one_of(_scored, _banded, _counted, _last, _owned, _tagged, _seen)
_condition = st.one_of(_single, _single.map(lambda asked: {"not": asked}))


def _joined(inside: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    lists = st.lists(inside, min_size=1, max_size=3)
    return st.builds(lambda how, conditions: {how: conditions}, st.sampled_from(["all", "any"]), lists)


_matches = _joined(st.one_of(_condition, _joined(_condition)))


def _holds(asked: dict[str, Any], person: Person) -> bool:  # noqa: PLR0911 - one for each kind of condition
    [(what, value)] = asked.items()
    if what in {"all", "any"}:
        return (all if what == "all" else any)(_holds(each, person) for each in value)
    if what == "not":
        return not _holds(value, person)
    if what == "owner":
        return not person.owner if "unassigned" in value else person.owner in value["any_of"]
    if what == "tags":
        every = "all_of" in value
        return (all if every else any)(
            tag in (person.tags or []) for tag in value["all_of" if every else "any_of"]
        )
    if what in {"last_event", "first_seen"}:
        days = value.get("within_days") or value["not_within_days"]
        wanted = value.get("definitions", DEFINITIONS)
        had = any(
            ago <= days and of in wanted and verdict != "excluded" for ago, of, verdict in person.events
        )
        return (person.seen <= days if what == "first_seen" else had) is ("within_days" in value)
    if what in {"score", "band"}:
        group = value.get("group")
        least, most, bands = FRAMES.get(group, (-99, 99, ()))
        points = sum(person.points.values()) if group is None else person.points.get(group, 0)
        found = max(least, min(most, points))
        if what == "band":
            return [key for key, of in bands if of <= found][-1:] in [[key] for key in value["in"]]
    elif "within_days" in value:
        found = sum(
            ago <= value["within_days"] and of in value["definitions"] and verdict == "counted"
            for ago, of, verdict in person.events
        )
    else:
        found = sum(n for (of, _), n in person.tallies.items() if of in value["definitions"])
    return bool(value.get("min", found) <= found <= value.get("max", found))


def test_property_members_are_whom_a_plain_reading_says(module_database: str) -> None:
    """For any small base and any segment, asked one by one, all at once, and with points that are to come."""

    async def holds(
        connection: Connection, asking: MatchContext, people: list[Person], matches: list[dict[str, Any]]
    ) -> None:
        ids = await _store(connection, people, asking)
        for asked in matches:
            match = Match.model_validate(asked)
            expected = [number for number, person in zip(ids, people, strict=True) if _holds(asked, person)]
            assert await _one_by_one(connection, match, asking) == expected
            assert await _all_at_once(connection, match, asking) == expected
            later = [
                replace(each, points=each.points | {"mail": each.points.get("mail", 0) + 2})
                for each in people
            ]
            after = [number for number, person in zip(ids, later, strict=True) if _holds(asked, person)]
            moved = f"""'{{"0": 2, "{asking.groups["mail"]}": 2}}'::jsonb"""
            assert await _one_by_one(connection, match, asking, moved) == after

    with asyncio.Runner() as runner:
        connection, asking = runner.run(_begin(module_database))

        @settings(max_examples=EXAMPLES, deadline=None, derandomize=IN_CI)
        @given(
            people=st.lists(_people, min_size=1, max_size=6),
            matches=st.lists(_matches, min_size=1, max_size=4),
        )
        def law(people: list[Person], matches: list[dict[str, Any]]) -> None:
            runner.run(holds(connection, asking, people, matches))

        try:
            law()
        finally:
            runner.run(connection.close())


async def _begin(dsn: str) -> tuple[Connection, MatchContext]:
    """Create an account with groups, definitions and a published profile."""
    entry = {"icon": "bolt", "group": "mail", "default_points": 1}
    document = {
        "engagement_catalog": 1,
        "account": "acme",
        "name": "Acme",
        "groups": [{"key": key, "name": key, "icon": "cart"} for key in GROUPS],
        "definitions": [{**entry, "key": key, "name": key, "events": [key]} for key in DEFINITIONS],
    }
    await apply_document(dsn, document)
    connection = await postgres.connect(dsn)
    await timeline_partitions.create(connection, {(2026, 2), (2026, 3)})
    there = await repository.read_account_ids(connection, 1)
    frames = {
        0 if group is None else there.groups[group]: Frame(
            floor,
            cap,
            bands=tuple(Band(key, least if place else None) for place, (key, least) in enumerate(bands)),
        )
        for group, (floor, cap, bands) in FRAMES.items()
    }
    return connection, replace(there.match_context(1, None, NOW), frames=frames)


async def _one_by_one(
    connection: Connection, match: Match, asking: MatchContext, moved: str | None = None
) -> list[int]:
    parameters = Parameters(2)
    condition = member_condition(match, asking, parameters, contact="c.id", moved=moved)
    statement = f"select c.id from contacts c where c.id = any($1::bigint[]) and {condition} order by c.id"
    everyone = [row["id"] for row in await connection.fetch("select id from contacts")]
    return [row["id"] for row in await connection.fetch(statement, everyone, *parameters.values)]


async def _all_at_once(connection: Connection, match: Match, asking: MatchContext) -> list[int]:
    parameters = Parameters()
    selection = member_selection(match, asking, parameters)
    async with connection.transaction():
        await connection.execute(queries("members")["plan_for_many"])
        return sorted(row["contact_id"] for row in await connection.fetch(selection, *parameters.values))


async def _store(connection: Connection, people: list[Person], asking: MatchContext) -> list[int]:
    """Put these people in place of all others; returns their numbers in order."""
    await connection.execute(
        "delete from contact_fields; delete from contacts; delete from contact_scores; delete from ranks;"
        "delete from dedup_keys; delete from timeline"
    )
    rows = await connection.fetch(
        "insert into contacts (account_id, external_id, shard, created_at)"
        " select 1, n, 0, at from unnest($1::timestamptz[]) with ordinality as seen(at, n) returning id",
        [NOW - person.seen * DAY for person in people],
    )
    ids = sorted(row["id"] for row in rows)
    definitions, groups = asking.definitions, asking.groups
    scores, tallies, events, fields = [], [], [], []
    for number, person in zip(ids, people, strict=True):
        in_groups = {groups[key]: points for key, points in person.points.items()}
        scores.append((number, sum(in_groups.values()), [*in_groups], [*in_groups.values()]))
        tallies += [(number, definitions[key], edition, n) for (key, edition), n in person.tallies.items()]
        events += [
            (
                number,
                NOW - ago * DAY,
                place.to_bytes(16),
                definitions[key],
                verdict,
            )
            for place, (ago, key, verdict) in enumerate(person.events)
        ]
        said = {
            "owner": person.owner,
            "name": "[",
            "tags": None if person.tags is None else json.dumps(person.tags),
        }
        fields += [(number, name, value) for name, value in said.items() if value is not None]
    await connection.executemany("insert into contact_scores values ($1, 1, 1, $2, $3, $4)", scores)
    await connection.execute(
        "insert into ranks select profile_id, version, group_id, points, contact_id from scores"
    )
    await connection.executemany("insert into dedup_keys values ($1, $2, $3, '', $4)", tallies)
    await connection.executemany("insert into contact_fields values (1, $1, $2, $3, now(), '')", fields)
    await connection.executemany(
        """insert into timeline values
           (1, $1, $2, $3, $4, 1, $5, false, 0, 0, '', '', '', null, null, null, '{}', now())""",
        events,
    )
    return ids
