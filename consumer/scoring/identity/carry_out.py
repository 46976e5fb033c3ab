"""Carries out what joins and deletions say of the contacts around one, in one transaction.

It makes what is stored what the facts say, whatever was carried out before: so it does not matter in which order
facts have come, or how often it is done. Lock order: batches, account, contacts, outbox heads.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import msgspec

from consumer.contact_state import messages, outbox
from consumer.contact_state.dedup_keys import carried_by
from consumer.contact_state.identity_facts import KNOWS_ERASED
from consumer.contact_state.outbox import Outbox
from consumer.contact_state.weights import Weights
from consumer.domain.identity import hash_of
from consumer.infra.postgres.connection import affected_rows, fetch_one
from consumer.infra.postgres.revision_lock import LOOK_UP_BY_KEY, shared_transaction
from consumer.scoring import announce
from consumer.scoring.announce import ScoreDeltas
from consumer.scoring.identity.cluster import connected, lock_cluster, read_cluster
from consumer.scoring.identity.entries import judge_again
from consumer.scoring.identity.forget import Elsewhere
from consumer.scoring.identity.rejudge_moved import rejudge_moved
from consumer.scoring.identity.scores import build_scores, end_chains
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from consumer.infra.postgres.connection import Connection
    from consumer.scoring.identity.cluster import Cluster, Member

_SQL = queries("identity")


class CarriedOut(msgspec.Struct, gc=False):
    """What was done. survivors: contacts now, of how many ids. taken: by deletions, numbers of rows by kind.

    ceasing, beginning: entries that ceased to count, or began to, beside others of their keys.
    """

    ids: int = 0
    survivors: int = 0
    ceasing: int = 0
    beginning: int = 0
    taken: Counter[str] = msgspec.field(default_factory=Counter)


async def may_carry_out(connection: Connection) -> bool:
    """Return whether all programs that may run know what joins and deletions leave."""
    return bool(await connection.fetchval(_SQL["oldest_program"]) >= KNOWS_ERASED)


async def due_contacts(connection: Connection, limit: int) -> list[int]:
    """Return contacts about which something is to be carried out: accounts take turns, the oldest first."""
    return [contact for contact, _ in await connection.fetch(_SQL["due"], limit, KNOWS_ERASED)]


async def carry_out(connection: Connection, contact: int) -> CarriedOut | None:
    """Carry out everything that joins and deletions say of a contact and of those connected with it.

    Returns None where another worker has done it. Raises asyncpg's errors: after one of these it is unknown whether
    it was done, and it may be done again.
    """
    if not await connection.fetchval(_SQL["is_due"], contact):
        return None
    account = await connection.fetchval(_SQL["account_of"], contact)
    salt = await connection.fetchval(_SQL["salt"])
    elsewhere = Elsewhere(connection, account, salt)
    while True:
        around = await connected(connection, [contact])
        await elsewhere.forget(await read_cluster(connection, sorted(around)))
        done = None
        async with shared_transaction(connection, LOOK_UP_BY_KEY, accounts=[account]):
            cluster = await lock_cluster(connection, around)
            # Of a deletion that has come meanwhile nothing is forgotten elsewhere yet.
            if cluster is not None and elsewhere.has_forgotten(cluster):
                done = await _Change(connection, cluster, salt, elsewhere.taken).apply()
        if done is not None:
            return done


async def change_in_transaction(connection: Connection, contact: int) -> CarriedOut:
    """Do the same in the caller's transaction without messages, for a preview that will be rolled back."""
    cluster = None
    while cluster is None:
        cluster = await lock_cluster(connection, await connected(connection, [contact]))
    return await _Change(connection, cluster, b"", {}).apply(announcing=False)


async def postpone(connection: Connection, contact: int) -> None:
    """Leave a contact for a minute, since something unexpected prevents it."""
    await connection.execute(_SQL["postpone"], contact)


class _Change:
    """One change of a locked cluster."""

    def __init__(
        self,
        connection: Connection,
        cluster: Cluster,
        salt: bytes,
        forgotten: Mapping[int, Counter[str]],
    ) -> None:
        self._connection = connection
        self._cluster = cluster
        self._salt = salt
        self._forgotten = forgotten
        self._members = cluster.members
        self._before = cluster.deleted_before
        # Definitions whose entries have changed, by contact.
        self._touched: defaultdict[int, set[int]] = defaultdict(set)
        # Contacts whose adjustments have changed; those from which something was taken, of their own or another id.
        self._adjusted: set[int] = set()
        self._taken_from: set[int] = set()
        self._lessened: set[int] = set()
        self._done = CarriedOut(len(cluster.members))

    async def apply(self, *, announcing: bool = True) -> CarriedOut:
        connection, members = self._connection, self._members
        await self._take_away()
        erased = await self._erased()
        survivors = self._cluster.survivors(erased)
        await self._show_fields(survivors)
        for member in members.values():
            if survivors[member.number] != member.survivor:
                await self._move(member, survivors[member.number])
        await self._judge_and_announce(survivors, erased, announcing=announcing)
        await self._write(survivors, erased)
        await connection.execute(_SQL["finish_work"], sorted(members))
        self._done.survivors = len({survivors[number] for number in members if number not in erased})
        return self._done

    # Deletions -----------------------------------------------------------------------------------------------

    async def _take_away(self) -> None:
        """Remove what is dated before the deletions that have come since the last time, or have come to hold."""
        connection = self._connection
        new = self._cluster.new_deletions
        taken: dict[int, Counter[str]] = {number: Counter() for number in new}
        # By a join that came later than the deletion it is dated before.
        belated = Counter[str]()
        counted: Counter[int] = Counter()
        for number, before in self._cluster.to_take_away.items():
            member = self._members[number]
            here = Counter(self._forgotten.get(number, {}))
            for definition, entries, of_counted, xp in await connection.fetch(
                _SQL["remove_entries"], member.account_id, member.survivor, number, before
            ):
                here["timeline"] += entries
                here["xp_that_stays"] += xp
                counted[definition] += of_counted
                self._touched[member.survivor].add(definition)
            for definition, of_counted in await connection.fetch(
                _SQL["remove_carried"], member.survivor, _carried_by(member, member.survivor), before
            ):
                here["carried_counts"] += of_counted
                counted[definition] += of_counted
                self._touched[member.survivor].add(definition)
            here["fields"] += await connection.fetchval(
                _SQL["remove_fields"], number, before, not member.is_joined
            )
            adjustments = affected_rows(
                await connection.execute(_SQL["remove_adjustments"], member.survivor, number, before)
            )
            here["adjustments"] += adjustments
            if adjustments:
                self._adjusted.add(member.survivor)
            if here["timeline"] or here["carried_counts"] or here["fields"] or here["adjustments"]:
                (self._taken_from if member.survivor == number else self._lessened).add(member.survivor)
            # Of an id that had led to a deleted one, with the latest of the new deletions.
            (taken[number] if number in taken else taken[new[-1]] if new else belated).update(here)
        if counted:
            account = next(iter(self._members.values())).account_id
            await connection.execute(_SQL["add_personless"], account, list(counted), list(counted.values()))
        self._done.taken = sum(taken.values(), belated)
        if belated:
            await self._note_belated(belated)
        await connection.execute(
            _SQL["finish_deletions"],
            list(taken),
            [msgspec.json.encode(dict(of_contact)).decode() for of_contact in taken.values()],
        )

    async def _note_belated(self, belated: Counter[str]) -> None:
        """Add what was taken away to the report of the latest deletion, which was carried out before."""
        contact, event_key, noted = await fetch_one(
            self._connection, _SQL["latest_deletion"], sorted(self._members)
        )
        taken = Counter(msgspec.json.decode(noted, type=dict[str, int]))
        taken.update(belated)
        await self._connection.execute(
            _SQL["note_taken"], contact, event_key, msgspec.json.encode(dict(taken)).decode()
        )

    async def _erased(self) -> set[int]:
        """Return the contacts of which deletions have left nothing."""
        erased = set()
        for number, member in self._members.items():
            if member.name is None or (
                number in self._before
                and not await self._connection.fetchval(
                    _SQL["came_by"],
                    *(member.account_id, member.survivor, number, member.is_joined),
                    _carried_by(member, member.survivor),
                )
            ):
                erased.add(number)
        return erased

    # Joins ---------------------------------------------------------------------------------------------------

    async def _move(self, member: Member, survivor: int) -> None:
        """Move what came by an id from the contact that it belonged to, to another."""
        connection = self._connection
        moved = await connection.fetch(
            _SQL["move_entries"], member.account_id, member.survivor, member.number, survivor
        )
        moved += await connection.fetch(
            _SQL["move_carried"],
            *(member.survivor, _carried_by(member, member.survivor)),
            *(survivor, _carried_by(member, survivor)),
        )
        for contact in (member.survivor, survivor):
            self._touched[contact].update(definition for (definition,) in moved)
        if affected_rows(
            await connection.execute(_SQL["move_adjustments"], member.survivor, member.number, survivor)
        ):
            self._adjusted |= {member.survivor, survivor}

    async def _show_fields(self, survivors: dict[int, int]) -> None:
        """Show of each contact the latest fields of its ids (8.16); keep those of each id while it is joined."""
        connection = self._connection
        joined = {number for number, survivor in survivors.items() if survivor != number}
        joined |= {survivors[number] for number in joined}
        were = {number for number, member in self._members.items() if member.is_joined}
        if not (joined or were):
            return
        await connection.execute(_SQL["keep_fields"], sorted(joined - were))
        concerned = sorted(joined | were)
        await connection.execute(_SQL["clear_fields"], concerned)
        account = self._members[concerned[0]].account_id
        await connection.execute(
            _SQL["show_fields"], account, concerned, [survivors[number] for number in concerned]
        )
        await connection.execute(_SQL["forget_joined_fields"], sorted(were - joined))

    # Scores --------------------------------------------------------------------------------------------------

    async def _judge_and_announce(
        self, survivors: dict[int, int], erased: set[int], *, announcing: bool
    ) -> None:
        connection = self._connection
        account = await fetch_one(connection, _SQL["account"], next(iter(self._members.values())).account_id)
        profiles = {row["id"]: row["key"] for row in await connection.fetch(_SQL["profiles"], account["id"])}
        weights, box = Weights(), Outbox()
        deltas: defaultdict[str, list[tuple[int, int, int, int]]] = defaultdict(list)
        for number, member in self._members.items():
            stands = survivors[number] == number and number not in erased
            if not stands:
                if member.survivor != number or member.name is None:
                    continue  # it has had neither since it was joined or erased
                await connection.execute(_SQL["delete_keys"], number, None)
                await end_chains(connection, member, account=account["key"], profiles=profiles, outbox=box)
                continue
            was_joined = member.survivor != number
            if not (was_joined or self._is_changed(number)):
                continue
            await self._judge(member, account["key"], box, announcing=announcing)
            if number in self._taken_from:
                await end_chains(connection, member, account=account["key"], profiles=profiles, outbox=box)
            by_deletion = number in self._taken_from | self._lessened
            deltas["rejudge" if by_deletion else "merge"] += await build_scores(connection, member, weights)
        if not announcing:
            return
        # Last of all, since every batch needs the heads.
        await outbox.lock_heads(connection)
        await box.enqueue(connection)
        for cause, of_cause in deltas.items():
            contacts = sorted({contact for contact, *_ in of_cause})
            await announce.enqueue_score_messages(
                connection, contacts, sorted(profiles), cause=cause, deltas=ScoreDeltas.of(of_cause)
            )

    async def _judge(self, member: Member, account: str, box: Outbox, *, announcing: bool) -> None:
        for change in await judge_again(
            self._connection, member.account_id, member.number, self._touched[member.number]
        ):
            self._done.ceasing += change.step < 0
            self._done.beginning += change.step > 0
            if change.xp_due:
                facts = messages.xp_credited(change, account, member.name or "")
                box.add(member.shard, "xp_credited", facts)
        await rejudge_moved(
            self._connection, member.number, self._touched[member.number], announcing=announcing
        )

    def _is_changed(self, number: int) -> bool:
        return bool(self._touched[number]) or number in self._adjusted | self._taken_from | self._lessened

    # Contacts ------------------------------------------------------------------------------------------------

    async def _write(self, survivors: dict[int, int], erased: set[int]) -> None:
        absorbing = {survivor for number, survivor in survivors.items() if survivor != number}
        rows: list[tuple[int, int | None, bool, datetime | None, bytes | None]] = []
        for number, member in self._members.items():
            survivor = None if survivors[number] == number else survivors[number]
            to_erase = number in erased and member.name is not None
            rows.append(
                (
                    number,
                    survivor,
                    number in absorbing,
                    self._before.get(number),
                    hash_of(self._salt, member.account_id, member.name or "") if to_erase else None,
                )
            )
        await self._connection.execute(_SQL["write_contacts"], *map(list, zip(*rows, strict=True)))


def _carried_by(member: Member, contact: int) -> str:
    """Return the object of the carried counts of an id, where they are with this contact."""
    return carried_by(None if contact == member.number else member.number)
