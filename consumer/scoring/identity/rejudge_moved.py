"""Judges what has moved to a contact as the rejudgements do that have passed it, and would not come to it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.contact_state import outbox
from consumer.scoring.rejudgement.history import judge_history, read_definition
from consumer.scoring.rejudgement.write import write_verdicts
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Collection

    from consumer.infra.postgres.connection import Connection

_SQL = queries("rejudgement")


async def rejudge_moved(
    connection: Connection, contact: int, definitions: Collection[int], *, announcing: bool
) -> None:
    """Judge a contact again under those of these definitions whose rejudgement has passed it.

    Stores verdicts and tallies; scores are the caller's. announcing: whether reps gain and lose XP by it, as far as
    the rejudgement says so. A step that waits for the caller's lock of the contact judges it afterwards.
    """
    for number, with_xp in await connection.fetch(_SQL["past"], sorted(definitions), contact):
        if with_xp and announcing:
            await outbox.lock_heads(connection)
        definition = await read_definition(connection, number)
        entries = await judge_history(connection, definition, [contact])
        await write_verdicts(connection, definition, [contact], entries, with_xp=with_xp and announcing)
