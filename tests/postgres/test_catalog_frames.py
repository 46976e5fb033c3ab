"""Bounds and bands of profiles as they are stored: drafts, versions, and which programs may run beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.catalog import apply_document, diff_document, export_document, parse_document
from consumer.catalog.repository import read
from consumer.catalog.shut_out_older import OlderProgramsError
from consumer.infra.postgres.connection import open_unbounded
from consumer.infra.postgres.schema_version import read_schema
from consumer.scoring.profile_publish.versions import diff_versions, read_versions, restore_draft
from tests.builders.catalog_documents import document, groups
from tests.pipeline.service import parsed

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection

_OVERALL = {"floor": 0, "cap": 100, "bands": [{"key": "cold"}, {"key": "hot", "min": 50}]}
_GROUPS = {"fit": {"apart": True, "bands": [{"key": "C"}, {"key": "A", "min": -5}]}, "purchase": {"cap": 40}}


def framed(**frames: Any) -> dict[str, Any]:
    """Build a document whose primary profile has these frames."""
    profile = {"key": "lead_score", "name": "Lead score", "primary": True, "published": True, **frames}
    return document(groups=groups("purchase", "fit"), profiles=[profile])


async def test_frames_come_back_as_they_were(connection: Connection) -> None:
    """Draft and version of what was applied have its frames; its export applies without a difference."""
    given = parsed(framed(overall=_OVERALL, groups=_GROUPS))
    await apply_document(connection, given)
    async with connection.transaction():
        profile = (await read(connection, "acme")).profiles["lead_score"]
    [drafted] = given.profiles
    assert (profile.overall, profile.groups) == (drafted.values["overall"], drafted.values["groups"])
    assert profile.version is not None
    assert (profile.version.overall, profile.version.groups) == (profile.overall, profile.groups)
    exported = await export_document(connection)
    assert "overall: {floor: 0, cap: 100, bands: [{key: cold}, {key: hot, min: 50}]}" in exported
    assert await diff_document(connection, parse_document(exported)) == []
    assert await export_document(connection) == exported


async def test_versions_keep_their_frames(connection: Connection) -> None:
    """Each version has the frames of its publish; a difference names them, and a restore brings them back."""
    await apply_document(connection, parsed(framed(overall=_OVERALL, groups=_GROUPS)))
    await apply_document(connection, parsed(framed(overall={"cap": 10}, groups={"purchase": {"cap": 40}})))
    async with connection.transaction():
        second, first = await read_versions(connection, "acme", "lead_score")
        differing = await diff_versions(connection, "acme", "lead_score", 1, 2)
    assert (first.content.overall.cap, second.content.overall.cap) == (100, 10)
    assert [(one.field, one.after) for one in differing] == [("overall", {"cap": 10}), ("groups.fit", None)]
    state, _ = await restore_draft(connection, "acme", "lead_score", 1, by="mia")
    restored = state.profiles["lead_score"]
    assert (restored.overall, restored.groups) == (first.content.overall, first.content.groups)


async def test_the_first_frame_shuts_out_older_programs(connection: Connection, database: str) -> None:
    """A draft with bounds is refused while an older program is connected; once stored, none connects any more."""
    older = await open_unbounded(database, server_settings={"application_name": "engagement/8"})
    oldest = (await read_schema(connection)).oldest_program
    try:
        await apply_document(connection, parsed(framed()))
        refusal = ""
        try:
            await apply_document(connection, parsed(framed(overall={"cap": 10})))
        except OlderProgramsError as error:
            refusal = str(error)
        assert "version 8 (1 connections)" in refusal
        assert (await read_schema(connection)).oldest_program == oldest
    finally:
        await older.close()
    await apply_document(connection, parsed(framed(overall={"cap": 10})))
    assert (await read_schema(connection)).oldest_program == 9
