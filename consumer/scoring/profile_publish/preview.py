"""Previews a publish: what publishing a profile's draft would change, compared with the published version.

Reads the whole base in one snapshot, some contacts at a time, and writes nothing. An account has one preview
under way at most.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from consumer.catalog import repository
from consumer.catalog.model import profile_versions
from consumer.catalog.repository import Scope
from consumer.infra.postgres.connection import fetch_one
from consumer.scoring import contact_keyset
from consumer.scoring.profile_publish.preview_comparison import SEGMENTS, comparison_of
from consumer.scoring.profile_publish.requests import find_profile, require_active
from consumer.scoring.segments import preview_crossings
from consumer.scoring.segments.repository import read_account_ids
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import asyncpg

    from consumer.catalog.model.account import AccountCatalog, Definition, DefinitionWeight, Profile
    from consumer.infra.postgres.connection import Connection
    from consumer.scoring.profile_publish.preview_comparison import ScoreRange
    from consumer.scoring.segments.repository import AccountIds, Segment

_SQL = queries("publish_preview")
# Contacts compared by one query, which takes some tenths of a second.
_CHUNK_CONTACTS = 20_000
# Movers, and contacts that enter or leave a range, are named up to that many.
_MAX_NAMED = 20
# Contacts built in a second, if no large publish has been measured: half of what two cores did.
_DEFAULT_BUILD_RATE = 8000.0
# First key of the advisory lock, any fixed number; the second key is the account's number.
_LOCK = 0x656E_6761


class PreviewRunningError(Exception):
    """Another preview of the account has not ended."""


@dataclass(frozen=True, slots=True)
class Bin:
    """How many contacts have an overall score from `least` to `most`, before and after; None: unbounded."""

    least: int | None
    most: int | None
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class WeightChange:
    """A definition whose weight changes: how often it counted, and its points and group before and after.

    before: None if there is no published version, or it does not have the definition.
    """

    definition: str
    count: int
    before: DefinitionWeight | None
    after: DefinitionWeight


@dataclass(frozen=True, slots=True)
class ScoreMover:
    """A contact whose overall score changes, and the definitions that change it."""

    contact: str
    before: int
    after: int
    reasons: list[WeightChange]


@dataclass(slots=True)
class Crossing:
    """Contacts that enter and leave a range, or a segment (name: its key): counts, and the first by number."""

    name: str
    entering: int = 0
    leaving: int = 0
    enters: list[str] = field(default_factory=list)
    leaves: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class BandCrossing:
    """Contacts that enter and leave a band of the draft. group: by key, None: overall."""

    group: str | None
    crossing: Crossing


@dataclass(frozen=True, slots=True)
class PublishEffects:
    """What a publish would change.

    version: the published one, None if there is none. changed: contacts whose overall or group scores change.
    moved: contacts whose overall score changes. bins: the distribution of overall scores. bands: of the draft,
    those of overall first. seconds: estimated time to build. catalog: the account whose draft it is, in the same
    snapshot; of profiles only this one.
    """

    account: str
    profile: str
    catalog: AccountCatalog
    version: int | None
    contacts: int
    changed: int
    moved: int
    bins: list[Bin]
    movers: list[ScoreMover]
    crossings: list[Crossing]
    bands: list[BandCrossing]
    seconds: float


@dataclass(slots=True)
class _Totals:
    """Sums over the queries. Contacts are by number, bins and crossings by place."""

    transitions: Counter[tuple[int, int]] = field(default_factory=Counter)
    changed: int = 0
    moved: int = 0
    movers: list[tuple[int, int, int]] = field(default_factory=list)
    crossed: Counter[tuple[int, bool]] = field(default_factory=Counter)
    named: defaultdict[tuple[int, bool], list[int]] = field(default_factory=lambda: defaultdict(list))

    def add(self, row: asyncpg.Record) -> None:
        """Add the result of one query."""
        for bin_before, bin_after, contacts, changed, moved in json.loads(row["transitions"]):
            self.transitions[bin_before, bin_after] += contacts
            self.changed += changed
            self.moved += moved
        self.movers += map(tuple, json.loads(row["movers"]))
        self.movers.sort(key=lambda mover: (-abs(mover[2] - mover[1]), mover[0]))
        del self.movers[_MAX_NAMED:]
        for number, enters, contacts, first in json.loads(row["crossings"]):
            self.crossed[number, enters] += contacts
            named = self.named[number, enters]
            named += first[: _MAX_NAMED - len(named)]


async def preview(
    connection: Connection,
    account: str,
    profile: str,
    *,
    ranges: Sequence[ScoreRange] = (),
    segments: Sequence[Segment] = (),
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    check: Callable[[AccountCatalog], object] = lambda _stored: None,
) -> PublishEffects:
    """Compare a profile's draft with its published version; call `progress(done, total)` after each query.

    segments: those on another profile's scores are left out, since this publish does not change their members.
    check: called with the account, as in `catalog` of the result; refuses by raising.
    Raises UnknownAccountError, UnknownProfileError, ProfileArchivedError, PreviewRunningError, and LookupError for
    a range of an unknown group.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        # Planned for the actual parameters: a generic plan would use nested loops over everything. With more
        # work_mem the grouping stays in memory, which is twice as fast.
        await connection.execute("set local plan_cache_mode = force_custom_plan; set local work_mem = '64MB'")
        catalog = await repository.read(connection, account, Scope(profiles=[profile]))
        current = find_profile(catalog, profile)
        require_active(current)
        await asyncio.to_thread(check, catalog)
        await lock_previews(connection, account)
        base = await fetch_one(connection, _SQL["base"], account, profile)
        total = await contact_keyset.count_all(connection, base["account_id"])
        ids = await read_account_ids(connection, base["account_id"])
        draft = profile_versions.draft_version(current, catalog.definitions)
        comparison = comparison_of(current.version, draft, ids, ranges)
        segment_sql = preview_crossings.segment_crossings(
            ids,
            *(base["account_id"], base["profile_id"], segments),
            number=len(comparison.columns[0]) + 1,
            first_parameter=comparison.first_segment_parameter,
            frames=comparison.frames,
        )
        compare = comparison.text.replace(SEGMENTS, segment_sql.text)
        version = current.version.number if current.version else None
        changes = weight_changes(current, catalog.definitions)
        totals = _Totals()
        done = covered = 0
        while covered < contact_keyset.LAST:
            contacts, covered = await contact_keyset.next_contacts(
                connection, base["account_id"], after=covered, limit=_CHUNK_CONTACTS
            )
            row = await fetch_one(
                connection,
                compare,
                *(contacts, base["profile_id"], version),
                *_columns(_deltas_per_count(changes.values(), ids)),
                *(comparison.edges, _MAX_NAMED),
                *comparison.columns,
                *segment_sql.values,
            )
            totals.add(row)
            done = totals.transitions.total()
            progress(done, total)
        names = await _external_ids(connection, totals)
        reasons = await _reasons_by_contact(connection, totals, changes, ids)
        build_rate = await connection.fetchval(queries("publish")["build_rate"])
    return PublishEffects(
        account,
        profile,
        catalog,
        version,
        contacts=done,
        changed=totals.changed,
        moved=totals.moved,
        bins=_bins(totals.transitions, comparison.edges),
        movers=[
            ScoreMover(names[contact], before, after, reasons[contact])
            for contact, before, after in totals.movers
        ],
        crossings=[
            _crossing(name, number, totals, names)
            for number, name in [
                *enumerate((each.name for each in ranges), 1),
                *enumerate(segment_sql.keys, len(comparison.columns[0]) + 1),
            ]
        ],
        bands=[
            BandCrossing(band.group, _crossing(band.key, number, totals, names))
            for number, band in enumerate(comparison.bands, len(ranges) + 1)
        ],
        seconds=done / (build_rate or _DEFAULT_BUILD_RATE),
    )


async def lock_previews(connection: Connection, account: str) -> None:
    """Lock out other previews of the account until the transaction ends; raises PreviewRunningError."""
    if not await connection.fetchval(_SQL["lock"], _LOCK, account):
        raise PreviewRunningError(f"a preview of account {account!r} is under way: wait for it, or end it")


def weight_changes(profile: Profile, definitions: Mapping[str, Definition]) -> dict[str, WeightChange]:
    """Return the definitions that have other points or another group under the draft; count is 0."""
    before = profile.version.weights if profile.version else {}
    draft = profile_versions.draft_version(profile, definitions)
    return {
        key: WeightChange(key, 0, before.get(key), after)
        for key, after in draft.weights.items()
        if key not in before or (before[key].points, before[key].group) != (after.points, after.group)
    }


def _deltas_per_count(changes: Iterable[WeightChange], ids: AccountIds) -> list[tuple[int, int, int]]:
    """Return (definition, group, points): how many points more or less one counted event gives."""
    deltas: Counter[tuple[int, int]] = Counter()
    for change in changes:
        definition = ids.definitions[change.definition]
        if change.before:
            deltas[definition, ids.groups[change.before.group]] -= change.before.points
        deltas[definition, ids.groups[change.after.group]] += change.after.points
    return [(definition, group, points) for (definition, group), points in deltas.items() if points]


def _columns(rows: Sequence[tuple[int, int, int]]) -> list[list[int]]:
    return [[row[place] for row in rows] for place in range(3)]


def _bins(transitions: Counter[tuple[int, int]], edges: Sequence[int]) -> list[Bin]:
    before, after = (Counter[int](), Counter[int]())
    for (bin_before, bin_after), contacts in transitions.items():
        before[bin_before] += contacts
        after[bin_after] += contacts
    if not transitions:
        return []
    places = before.keys() | after.keys()
    return [
        Bin(
            edges[place - 1] if place else None,
            edges[place] - 1 if place < len(edges) else None,
            before[place],
            after[place],
        )
        for place in range(min(places), max(places) + 1)
    ]


def _crossing(name: str, number: int, totals: _Totals, names: Mapping[int, str]) -> Crossing:
    entering, leaving = ((number, True), (number, False))
    return Crossing(
        name,
        totals.crossed[entering],
        totals.crossed[leaving],
        [names[contact] for contact in totals.named[entering]],
        [names[contact] for contact in totals.named[leaving]],
    )


async def _external_ids(connection: Connection, totals: _Totals) -> dict[int, str]:
    contacts = {contact for contact, *_ in totals.movers}.union(*totals.named.values())
    return {
        row["id"]: row["external_id"] for row in await connection.fetch(_SQL["external_ids"], list(contacts))
    }


async def _reasons_by_contact(
    connection: Connection,
    totals: _Totals,
    changes: Mapping[str, WeightChange],
    ids: AccountIds,
) -> defaultdict[int, list[WeightChange]]:
    reasons: defaultdict[int, list[WeightChange]] = defaultdict(list)
    definitions = [ids.definitions[key] for key in changes]
    contacts: list[Any] = [contact for contact, *_ in totals.movers]
    for row in await connection.fetch(_SQL["counted"], contacts, definitions):
        change = changes[row["definition"]]
        reasons[row["contact_id"]].append(replace(change, count=row["count"]))
    return reasons
