"""What publishing a profile's draft would make of the scores of some contacts, computed from their tallies."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from consumer.catalog import repository
from consumer.catalog.model import profile_versions
from consumer.catalog.repository import Scope
from consumer.domain.frame import PLAIN
from consumer.infra.postgres.connection import fetch_one
from consumer.scoring.profile_publish.preview import WeightChange, weight_changes
from consumer.scoring.profile_publish.requests import find_profile, require_active
from consumer.scoring.segments.repository import read_account_ids
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from consumer.catalog.model.account import AccountCatalog, ProfileVersion
    from consumer.infra.postgres.connection import Connection

_SQL = queries("publish_preview")


@dataclass(frozen=True, slots=True)
class ShownScore:
    """A score as a version shows it.

    groups: points by key, of those that have any. bands: by group, None: overall.
    """

    overall: int
    groups: dict[str, int]
    bands: dict[str | None, str]


@dataclass(frozen=True, slots=True)
class ContactEffect:
    """A contact before and after a publish. asked: the id that was asked for. contact: None if it was never seen.

    before: None if nothing is published. reasons: definitions whose weight changes and that have counted.
    """

    asked: str
    contact: str | None
    name: str | None
    before: ShownScore | None
    after: ShownScore
    reasons: list[WeightChange] = field(default_factory=list)


async def preview_contacts(
    connection: Connection, account: str, profile: str, contacts: Sequence[str]
) -> tuple[AccountCatalog, list[ContactEffect]]:
    """Return the account, and what a publish would make of contacts, in their order. Call it in a snapshot.

    Raises UnknownAccountError, UnknownProfileError, ProfileArchivedError.
    """
    catalog = await repository.read(connection, account, Scope(profiles=[profile]))
    current = find_profile(catalog, profile)
    require_active(current)
    base = await fetch_one(connection, _SQL["base"], account, profile)
    ids = await read_account_ids(connection, base["account_id"])
    rows = await connection.fetch(_SQL["asked_contacts"], base["account_id"], contacts)
    known = [row["id"] for row in rows if row["id"] is not None]
    definitions = {number: key for key, number in ids.definitions.items()}
    groups = {number: key for key, number in ids.groups.items()}
    tallies: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for row in await connection.fetch(_SQL["tallies"], known):
        if row["count"] and row["definition_id"] in definitions:
            tallies[row["contact_id"]][definitions[row["definition_id"]]] = row["count"]
    adjusted: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for row in await connection.fetch(_SQL["adjusted"], known, base["profile_id"]):
        adjusted[row["contact_id"]][groups[row["group_id"]]] += row["points"]
    draft = profile_versions.draft_version(current, catalog.definitions)
    changes = weight_changes(current, catalog.definitions)
    return catalog, [
        ContactEffect(
            row["asked"],
            row["external_id"],
            row["name"],
            _score(current.version, tallies[row["id"]], adjusted[row["id"]]) if current.version else None,
            _score(draft, tallies[row["id"]], adjusted[row["id"]]),
            [
                replace(change, count=tallies[row["id"]][key])
                for key, change in changes.items()
                if key in tallies[row["id"]]
            ],
        )
        for row in rows
    ]


def _score(version: ProfileVersion, tallies: Mapping[str, int], adjusted: Mapping[str, int]) -> ShownScore:
    sums = Counter(adjusted)
    for key, count in tallies.items():
        if (weight := version.weights.get(key)) is not None:
            sums[weight.group] += count * weight.points
    frames = {key: version.groups.get(key, PLAIN) for key in {*sums, *version.groups}}
    shown = {key: frame.shown(sums[key]) for key, frame in frames.items()}
    overall = version.overall.shown(sum(shown[key] for key, frame in frames.items() if not frame.apart))
    bands: dict[str | None, str | None] = {None: version.overall.band(overall)}
    bands |= {key: frame.band(shown[key]) for key, frame in frames.items()}
    return ShownScore(
        overall,
        {key: points for key, points in shown.items() if points},
        {key: band for key, band in bands.items() if band is not None},
    )
