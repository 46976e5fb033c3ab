"""Previews a rejudgement: what rejudging a definition's history would change.

Reads the whole base in one snapshot, some contacts at a time, and writes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from consumer.infra.postgres.revision_lock import LOOK_UP_BY_KEY
from consumer.scoring import contact_keyset
from consumer.scoring.profile_publish.preview import lock_previews
from consumer.scoring.rejudgement.history import judge_history, read_definition
from consumer.scoring.rejudgement.requests import find_definition
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from consumer.infra.postgres.connection import Connection
    from consumer.scoring.rejudgement.history import RejudgedEntry

_CHUNK_CONTACTS = 2000
# Contacts whose count changes most are named up to that many.
_MAX_NAMED = 20


@dataclass(frozen=True, slots=True)
class CountChange:
    """A contact, and how often the definition counts for it before and after."""

    contact: str
    before: int
    after: int


@dataclass(slots=True)
class RejudgementEffects:
    """What a rejudgement would change.

    contacts: processed. changed: contacts with any change. counting, ceasing: entries that would begin to count,
    or cease to. xp_given, xp_taken: XP that reps would gain and lose, 0 without `with_xp`. movers: the contacts
    whose count changes most.
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
    movers: list[CountChange] = field(default_factory=list)

    def add(self, contact: str, entries: Sequence[RejudgedEntry], *, with_xp: bool) -> None:
        """Add what would change for a contact."""
        xp_due = [entry for entry in entries if with_xp and entry.xp_differs]
        if not (xp_due or any(entry.step for entry in entries)):
            return
        self.changed += 1
        self.counting += sum(entry.step == 1 for entry in entries)
        self.ceasing += sum(entry.step == -1 for entry in entries)
        self.xp_given += sum(entry.xp_worth for entry in xp_due if entry.is_counted)
        self.xp_taken += sum(entry.xp_worth for entry in xp_due if not entry.is_counted)
        before, after = (
            sum(entry.was_counted for entry in entries),
            sum(entry.is_counted for entry in entries),
        )
        self.movers.append(CountChange(contact, before, after))


async def preview(
    connection: Connection,
    account: str,
    definition: str,
    *,
    with_xp: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> RejudgementEffects:
    """Dry run: compute what rejudging would change. Calls `progress(done, total)` after each chunk of contacts.

    Raises UnknownAccountError, UnknownDefinitionError, PreviewRunningError, and errors of asyncpg.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute(LOOK_UP_BY_KEY)
        ids = await find_definition(connection, account, definition)
        await lock_previews(connection, account)
        effects = RejudgementEffects(account, definition, ids["edition"])
        judged = await read_definition(connection, ids["definition_id"])
        total = await contact_keyset.count_all(connection, ids["account_id"])
        last = ""
        while contacts := await connection.fetch(
            queries("republish")["contacts"], ids["account_id"], last, _CHUNK_CONTACTS
        ):
            last = contacts[-1]["external_id"]
            names = {row["id"]: row["external_id"] for row in contacts}
            by_contact: defaultdict[int, list[RejudgedEntry]] = defaultdict(list)
            for entry in await judge_history(connection, judged, list(names)):
                by_contact[entry.contact_id].append(entry)
            for contact, entries in by_contact.items():
                effects.add(names[contact], entries, with_xp=with_xp)
            effects.movers.sort(key=lambda mover: (-abs(mover.after - mover.before), mover.contact))
            del effects.movers[_MAX_NAMED:]
            effects.contacts += len(contacts)
            progress(effects.contacts, total)
    return effects
