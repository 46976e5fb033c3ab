"""Reads contacts and their scores by id."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from consumer.infra.postgres.connection import fetch_one
from consumer.web.api.contacts.profile_view import read_groups
from consumer.web.api.contacts.recent_changes import ReadScores, read_changes
from consumer.web.api.contacts.recent_trends import read_trends
from consumer.web.api.contacts.schemas import ContactAnswer, ProfileScores
from consumer.web.api.contacts.shown_scores import OVERALL, frames_in, groups_apart, shown_scores
from consumer.web.http.problems import not_found
from schemas.timestamps import rfc3339
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import asyncpg

    from consumer.infra.postgres.connection import Connection
    from consumer.web.api.contacts.profile_view import ProfileView
    from consumer.web.api.contacts.schemas import RecentChanges, ScoreTrend

_SQL = queries("contacts")


async def read_listed(
    connection: Connection,
    account: int,
    view: ProfileView,
    contact_ids: Sequence[int],
    *,
    with_change: bool = False,
    with_trend: bool = False,
) -> list[dict[str, Any]]:
    """Return the contacts with these ids in the database, in the same order, as ListedContact without `place`."""
    rows = await connection.fetch(_SQL["shown"], contact_ids, account, view.id, view.version)
    changes: Mapping[tuple[int, int], RecentChanges] = {}
    if with_change and contact_ids:
        read = {view.id: read_under(view, rows)}
        changes = await read_changes(connection, account, contact_ids, read, view.groups)
    trends: Mapping[int, ScoreTrend] = {}
    if with_trend and contact_ids:
        trends = await read_trends(connection, account, view, {row["id"]: _sums(row) for row in rows})
    return [
        {
            **scores_of(view, row, changes),
            "email": row["email"],
            "tags": _tags(row["tags"]),
            "first_seen_at": rfc3339(row["created_at"]),
            "last_event_at": row["last_event_at"] and rfc3339(row["last_event_at"]),
            "last_event": _event(row),
            "trend": trends[row["id"]].model_dump() if trends else None,
        }
        for row in rows
    ]


def _event(row: asyncpg.Record) -> dict[str, str] | None:
    if row["last_event_at"] is None:
        return None
    return {"definition": row["last_definition"], "name": row["last_name"], "icon": row["last_icon"]}


def scores_of(
    view: ProfileView, row: asyncpg.Record, changes: Mapping[tuple[int, int], RecentChanges]
) -> dict[str, Any]:
    """Return a row of `shown` or `looked_up` in the shape of ContactScores, as JSON values."""
    change = changes.get((row["id"], view.id))
    return {
        "id": row["external_id"],
        "name": row["name"],
        "owner": row["owner"],
        **shown_scores(view.groups, view.frames, {**_sums(row), OVERALL: row["overall"] or 0}),
        "change": change and change.model_dump(),
    }


def read_under(view: ProfileView, rows: Iterable[asyncpg.Record]) -> ReadScores:
    """Return what the changes of scores are computed from; rows: of `shown` or `looked_up`."""
    sums = {row["id"]: _sums(row) for row in rows if row["id"] is not None} if view.frames else {}
    return ReadScores(view.version, view.frames, sums)


def _sums(row: asyncpg.Record) -> dict[int, int]:
    return dict(zip(row["group_ids"] or (), row["group_points"] or (), strict=True))


async def survivors_of(connection: Connection, account: int, contacts: Sequence[str]) -> list[str]:
    """Return the ids of the contacts that these ids mean, without unknown ones and erased ones."""
    rows = await connection.fetch(_SQL["resolve"], account, contacts)
    return [row["external_id"] for row in rows if row["external_id"] is not None]


async def find_contact(connection: Connection, account: int, contact: str) -> tuple[int, str]:
    """Return the database id and the id of a contact; for a joined contact, its survivor's.

    Raises ProblemError (404) if there is none.
    """
    [row] = await connection.fetch(_SQL["resolve"], account, [contact])
    if row["id"] is None:
        raise not_found(f"contact {contact}")
    return row["id"], row["external_id"]


async def read_contact_answer(connection: Connection, account: int, contact: str) -> ContactAnswer:
    """Return a contact; for a joined one, its survivor. Raises ProblemError (404) if there is none."""
    contact_id, external_id = await find_contact(connection, account, contact)
    row = await fetch_one(connection, _SQL["about"], contact_id)
    fields = json.loads(row["fields"] or "{}")
    groups = await read_groups(connection, account)
    stored = await connection.fetch(_SQL["by_profile"], account, contact_id)
    sums = {
        profile["id"]: {int(group): points for group, points in json.loads(profile["points"] or "{}").items()}
        for profile in stored
    }
    read = {
        number: ReadScores(
            profile["version"],
            frames_in(profile["frames"]),
            {contact_id: {group: points for group, points in sums[number].items() if group != OVERALL}},
        )
        for profile in stored
        for number in (profile["id"],)
    }
    changes = await read_changes(connection, account, [contact_id], read, groups)
    profiles = [
        ProfileScores(
            profile=profile["key"],
            name=profile["name"],
            primary=profile["is_primary"],
            version=profile["version"],
            **shown_scores(groups, read[number].frames, sums[number]),
            apart=groups_apart(groups, read[number].frames),
            change=changes[contact_id, number],
        )
        for profile in stored
        for number in (profile["id"],)
    ]
    return ContactAnswer(
        id=external_id,
        first_seen_at=row["created_at"],
        last_event_at=await connection.fetchval(_SQL["last_event"], account, contact_id),
        **{name: fields.get(name) for name in ("name", "owner", "email", "phone", "url")},
        tags=_tags(fields.get("tags")),
        profiles=profiles,
    )


def _tags(stored: str | None) -> list[str]:
    return [] if stored is None else msgspec.json.decode(stored, type=list[str])
