"""What judging a definition's history again would change, over the whole base, before anybody does it.

Owns adding it up, some contacts at a time in one snapshot. Writes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from consumer.scoring.profile_publish.preview import lock_previews
from consumer.scoring.rejudgement.requests import find_definition
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.infra.postgres.connection import Connection

_SQL = queries("rejudgement")
_PREVIEW = f"{_SQL['judged']}{_SQL['preview']}"
_CONTACTS = 2000
# How many of those who change most are named.
_NAMED = 20


@dataclass(frozen=True, slots=True)
class CountMover:
    """A contact, and how often the definition counts for it before and after."""

    contact: str
    before: int
    after: int


@dataclass(slots=True)
class RejudgementEffects:
    """What would change.

    contacts: gone through. changed: contacts for whom anything does. counting, ceasing: entries that come to
    count, or no longer do. xp_given, xp_taken: what reps would be credited, and what would be taken back, if
    that is asked for. movers: whose count changes most.
    """

    account: str
    definition: str
    edition: int
    contacts: int = 0
    changed: int = 0
    counting: int = 0
    ceasing: int = 0
    xp_given: int = 0
    xp_taken: int = 0
    movers: list[CountMover] = field(default_factory=list)


async def preview(
    connection: Connection,
    account: str,
    definition: str,
    *,
    with_xp: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> RejudgementEffects:
    """Judge in thought; `progress` is told contacts gone through, and of how many.

    Raises UnknownAccountError, UnknownDefinitionError, PreviewRunningError, and what asyncpg raises.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute(_SQL["pin_plans"])
        about = await find_definition(connection, account, definition)
        await lock_previews(connection, account)
        found = RejudgementEffects(account, definition, about["edition"])
        total = await connection.fetchval(queries("republish")["contacts_count"], about["account_id"])
        last = ""
        while contacts := await connection.fetch(
            queries("republish")["contacts"], about["account_id"], last, _CONTACTS
        ):
            last = contacts[-1]["external_id"]
            names = {row["id"]: row["external_id"] for row in contacts}
            for row in await connection.fetch(_PREVIEW, list(names), about["definition_id"], with_xp):
                found.changed += 1
                found.counting += row["counting"]
                found.ceasing += row["ceasing"]
                found.xp_given += row["xp_given"]
                found.xp_taken += row["xp_taken"]
                found.movers.append(CountMover(names[row["contact_id"]], row["before"], row["after"]))
            found.movers.sort(key=lambda mover: (-abs(mover.after - mover.before), mover.contact))
            del found.movers[_NAMED:]
            found.contacts += len(contacts)
            progress(found.contacts, total)
    return found
