"""What publishing a profile's draft would change, over the whole base, before anybody does it.

Owns the comparison with what readers see, some contacts at a time in one snapshot, the estimate of how long the
publish would take, and that an account has one preview under way at most. Writes nothing.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from consumer.catalog import repository
from consumer.catalog.model import profile_versions
from consumer.infra.postgres.connection import fetch_one
from consumer.scoring.profile_publish.requests import profile_of
from consumer.scoring.segments import publish_crossings
from consumer.scoring.segments.repository import read_account_ids
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import asyncpg

    from consumer.catalog.model.account import Definition, DefinitionWeight, Profile
    from consumer.infra.postgres.connection import Connection
    from consumer.scoring.segments.repository import AccountIds, Segment

_SQL = queries("preview")
# AccountIds looked at in one query: some tenths of a second.
_NUMBERS = 20_000
# Where ranges of overall scores begin.
_UPWARDS = (1, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 100_000)
_EDGES = sorted([*(1 - edge for edge in _UPWARDS), *_UPWARDS])
# How many movers, and how many of those who enter or leave a range, are named.
_NAMED = 20
# Contacts a second, where no large publish tells better: half of what was measured on two cores.
_PACE = 8000.0
_UNBOUNDED = 2**62
# Any fixed number; the other half of the lock is the account's.
_LOCK = 0x656E_6761
# The first parameter of the comparison that belongs to segments.
_OF_SEGMENTS = 14
_IN_SEGMENTS = "/* and segments */"


class PreviewRunningError(Exception):
    """Another preview of the account has not ended yet."""


@dataclass(frozen=True, slots=True)
class ScoreRange:
    """A range that is asked about: of overall, or of a group by key; both ends inclusive, None for none."""

    name: str
    group: str | None = None
    least: int | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Bin:
    """How many contacts have an overall score from `least` to `most`, before and after; None: without end."""

    least: int | None
    most: int | None
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class WeightChange:
    """A definition that moves a contact: how often it counted, for how much in which group before and after.

    Before is None where readers see no version yet, or one that does not know the definition.
    """

    definition: str
    count: int
    before: DefinitionWeight | None
    after: DefinitionWeight


@dataclass(frozen=True, slots=True)
class ScoreMover:
    """A contact whose overall score moves, and by which definitions."""

    contact: str
    before: int
    after: int
    reasons: list[WeightChange]


@dataclass(slots=True)
class Crossing:
    """Who enters and leaves a range, or a segment (name: its key): how many, and the first of them by id."""

    name: str
    entering: int = 0
    leaving: int = 0
    enters: list[str] = field(default_factory=list)
    leaves: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PublishEffects:
    """What a publish would change.

    version: what readers see, None: nothing. changed: contacts of whom overall or any group changes; moved: of
    whom overall does. bins: the distribution of overall scores. seconds: how long building may take.
    """

    account: str
    profile: str
    version: int | None
    contacts: int
    changed: int
    moved: int
    bins: list[Bin]
    movers: list[ScoreMover]
    crossings: list[Crossing]
    seconds: float


@dataclass(slots=True)
class _Found:
    """What the parts add up to; contacts by number."""

    cells: Counter[tuple[int, int]] = field(default_factory=Counter)
    changed: int = 0
    moved: int = 0
    movers: list[tuple[int, int, int]] = field(default_factory=list)
    crossed: Counter[tuple[int, bool]] = field(default_factory=Counter)
    some: defaultdict[tuple[int, bool], list[int]] = field(default_factory=lambda: defaultdict(list))

    def add(self, row: asyncpg.Record) -> None:
        """Add what was found in a part."""
        for was, becomes, contacts, changed, moved in json.loads(row["cells"]):
            self.cells[was, becomes] += contacts
            self.changed += changed
            self.moved += moved
        self.movers += map(tuple, json.loads(row["movers"]))
        self.movers.sort(key=lambda mover: (-abs(mover[2] - mover[1]), mover[0]))
        del self.movers[_NAMED:]
        for number, enters, contacts, some in json.loads(row["crossings"]):
            self.crossed[number, enters] += contacts
            named = self.some[number, enters]
            named += some[: _NAMED - len(named)]


async def preview(
    connection: Connection,
    account: str,
    profile: str,
    *,
    ranges: Sequence[ScoreRange] = (),
    segments: Sequence[Segment] = (),
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> PublishEffects:
    """Compare a profile's draft with what readers see; `progress` is told contacts gone through, and of how many.

    segments: those about another profile's scores are left out, since nobody enters or leaves them.
    Raises UnknownAccountError, UnknownProfileError, PreviewRunningError, and LookupError for a range of an unknown
    group.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        # Planned for the numbers at hand, since one plan for any would go through everything in loops; and what is
        # grouped stays in memory, which is twice as fast.
        await connection.execute("set local plan_cache_mode = force_custom_plan; set local work_mem = '64MB'")
        state = await repository.read(connection, account)
        drafted = profile_of(state, profile)
        await lock_previews(connection, account)
        about = await fetch_one(connection, _SQL["about"], account, profile)
        numbers = await read_account_ids(connection, about["account_id"])
        asked = [_group(each, numbers) for each in ranges]
        crossed = publish_crossings.segment_crossings(
            numbers,
            *(about["account_id"], about["profile_id"], segments),
            number=len(ranges) + 1,
            first=_OF_SEGMENTS,
        )
        compare = _SQL["compare"].replace(_IN_SEGMENTS, crossed.text)
        version = drafted.version.number if drafted.version else None
        reasons = _reasons(drafted, state.definitions)
        found = _Found()
        done = 0
        for first in range(0, about["until_contact_id"], _NUMBERS):
            row = await fetch_one(
                connection,
                compare,
                *(about["account_id"], about["profile_id"], version, first, first + _NUMBERS),
                *_columns(_moves(reasons.values(), numbers)),
                *(_EDGES, _NAMED, asked),
                [-_UNBOUNDED if each.least is None else each.least for each in ranges],
                [_UNBOUNDED if each.most is None else each.most for each in ranges],
                *crossed.values,
            )
            found.add(row)
            done = found.cells.total()
            progress(done, about["contacts"])
        names = await _names(connection, found)
        because = await _because(connection, found, reasons, numbers)
        pace = await connection.fetchval(queries("publish")["pace"])
    return PublishEffects(
        account,
        profile,
        version,
        contacts=done,
        changed=found.changed,
        moved=found.moved,
        bins=_bins(found.cells),
        movers=[ScoreMover(names[who], before, after, because[who]) for who, before, after in found.movers],
        crossings=[
            _crossing(name, place, found, names)
            for place, name in enumerate([*(each.name for each in ranges), *crossed.keys], 1)
        ],
        seconds=done / (pace or _PACE),
    )


async def lock_previews(connection: Connection, account: str) -> None:
    """Raise PreviewRunningError while another preview of the account goes on; to the end of the transaction."""
    if not await connection.fetchval(_SQL["lock"], _LOCK, account):
        raise PreviewRunningError(f"a preview of account {account!r} is under way: wait for it, or end it")


def _group(asked: ScoreRange, numbers: AccountIds) -> int:
    if asked.group is None:
        return 0
    if asked.group not in numbers.groups:
        raise LookupError(f"range {asked.name}: there is no group {asked.group}")
    return numbers.groups[asked.group]


def _reasons(profile: Profile, definitions: Mapping[str, Definition]) -> dict[str, WeightChange]:
    """Return the definitions that count otherwise under the draft, without how often."""
    before = profile.version.weights if profile.version else {}
    draft = profile_versions.draft_version(profile, definitions)
    return {
        key: WeightChange(key, 0, before.get(key), after)
        for key, after in draft.weights.items()
        if key not in before or (before[key].points, before[key].group) != (after.points, after.group)
    }


def _moves(reasons: Iterable[WeightChange], numbers: AccountIds) -> list[tuple[int, int, int]]:
    """Return what one counted event gives more or less by (definition, group)."""
    moves: Counter[tuple[int, int]] = Counter()
    for reason in reasons:
        definition = numbers.definitions[reason.definition]
        if reason.before:
            moves[definition, numbers.groups[reason.before.group]] -= reason.before.points
        moves[definition, numbers.groups[reason.after.group]] += reason.after.points
    return [(definition, group, points) for (definition, group), points in moves.items() if points]


def _columns(rows: Sequence[tuple[int, int, int]]) -> list[list[int]]:
    return [[row[place] for row in rows] for place in range(3)]


def _bins(cells: Counter[tuple[int, int]]) -> list[Bin]:
    before, after = (Counter[int](), Counter[int]())
    for (was, becomes), contacts in cells.items():
        before[was] += contacts
        after[becomes] += contacts
    if not cells:
        return []
    places = before.keys() | after.keys()
    return [
        Bin(
            _EDGES[place - 1] if place else None,
            _EDGES[place] - 1 if place < len(_EDGES) else None,
            before[place],
            after[place],
        )
        for place in range(min(places), max(places) + 1)
    ]


def _crossing(name: str, number: int, found: _Found, names: Mapping[int, str]) -> Crossing:
    entering, leaving = ((number, True), (number, False))
    return Crossing(
        name,
        found.crossed[entering],
        found.crossed[leaving],
        [names[contact] for contact in found.some[entering]],
        [names[contact] for contact in found.some[leaving]],
    )


async def _names(connection: Connection, found: _Found) -> dict[int, str]:
    contacts = {contact for contact, *_ in found.movers}.union(*found.some.values())
    return {row["id"]: row["external_id"] for row in await connection.fetch(_SQL["names"], list(contacts))}


async def _because(
    connection: Connection,
    found: _Found,
    reasons: Mapping[str, WeightChange],
    numbers: AccountIds,
) -> defaultdict[int, list[WeightChange]]:
    because: defaultdict[int, list[WeightChange]] = defaultdict(list)
    definitions = [numbers.definitions[key] for key in reasons]
    contacts: list[Any] = [contact for contact, *_ in found.movers]
    for row in await connection.fetch(_SQL["counted"], contacts, definitions):
        one = reasons[row["definition"]]
        because[row["contact_id"]].append(WeightChange(one.definition, row["count"], one.before, one.after))
    return because
