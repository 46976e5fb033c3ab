"""The oracle itself: batches in commit order in, everything that must hold after each of them out.

Owns the outcome of a record, and what a commit makes of changed verdicts: XP, tallies, scores, messages. It
keeps entries and the last messages; every number is added up anew from the entries.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.oracle.catalog import Account, Definition, Profile, Version
from tests.oracle.decode import Dead, Event, OracleRecord, read
from tests.oracle.fields import CONTACT_FIELDS
from tests.oracle.identity import Contact, Facts, join_of
from tests.oracle.judge import Entry, judge, judge_anew
from tests.oracle.match import definitions_that_take
from tests.oracle.messages import (
    BandChanged,
    ScoreChanged,
    Tombstone,
    XpCredited,
    causes_of,
    crossings,
    label,
)
from tests.oracle.purge import stays

if TYPE_CHECKING:
    from datetime import datetime

CONTACT_TYPES = ("contact.upserted", "contact.merged", "contact.deleted")


@dataclass
class Unmatched:
    """One type of the inbox."""

    count: int
    first_seen: datetime
    last_seen: datetime


@dataclass
class Published:
    """The version and scores in the last message of a contact and profile.

    shown: by group, of overall under None. bands: under the version of the profile that was announced last, None
    before the first message and after a tombstone.
    """

    version: int = 0
    shown: dict[str | None, int] = field(default_factory=dict)
    bands: dict[str | None, str] | None = None
    ended: bool = False


class Oracle:
    """The service as semantics.md means it; `apply` and `batch` change it, all else reads it."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.outcomes: list[str] = []
        self.conflicting_duplicates = 0
        self.inbox: dict[tuple[str, str], Unmatched] = {}
        self.messages: list[ScoreChanged] = []
        # By account, profile and contact: all messages in order, tombstones among them.
        self.chains: defaultdict[tuple[str, str, str], list[ScoreChanged | Tombstone]] = defaultdict(list)
        self.band_changes: list[BandChanged] = []
        self.xp: list[XpCredited] = []
        self._entries: defaultdict[tuple[str, str, str], list[Entry]] = defaultdict(list)
        self._applied: dict[tuple[str, bytes], Event] = {}
        self._horizons: dict[str, datetime] = {}
        self._fields: dict[tuple[str, str], dict[str, tuple[tuple[datetime, bytes], Any]]] = {}
        self._published: defaultdict[tuple[str, str, str], Published] = defaultdict(Published)
        self._facts = Facts()
        # As carried out: where ids that have been joined lead, and the deletions that hold.
        self._survivor: dict[Contact, Contact] = {}
        self._deleted: dict[Contact, datetime] = {}
        self._new_deletions: set[Contact] = set()
        self._to_carry_out: dict[Contact, None] = {}
        # Of the last record that was committed, as XP messages name it.
        self._last = ""
        # Entries that a deletion took away, and whose XP stays.
        self._taken: list[Entry] = []
        # Entries that have counted and that a purge has removed, by account, id and definition.
        self._carried: defaultdict[tuple[str, str, str], list[Entry]] = defaultdict(list)
        # Points given by hand, by the id that they were given: when, profile, group and points of each.
        self._adjusted: defaultdict[Contact, list[tuple[datetime, str, str, int]]] = defaultdict(list)
        # Of the batch in hand.
        self._backfilled, self._with_xp = False, True

    # --- what happens -------------------------------------------------------------------------------------

    def apply(self, document: dict[str, Any]) -> None:
        """Apply a catalog document, in force for the batches that follow; a publish is its own commit."""
        key = document["account"]
        account = self.accounts.setdefault(key, Account(key))
        for profile in account.change(document):
            for contact in self._contacts_of(key):
                self._send_score(account, profile, contact, cause="publish", changed=[])

    def set_horizon(self, account: str, when: datetime) -> None:
        """Move the horizon: what is older is `expired` from now on."""
        self._horizons[account] = when

    def purge(self, account: str, horizon: datetime) -> None:
        """Move the horizon, and remove what is dated before it but for what judging needs."""
        self.set_horizon(account, horizon)
        for key, entries in self._entries.items():
            if key[0] != account:
                continue
            editions = self.accounts[account].definitions[key[2]].editions
            old = [entry for entry in entries if entry.event.occurred_at < horizon]
            left = [entry for entry in old if stays(entry, old, editions, horizon)]
            for entry in left:
                entry.purged = True
            gone = [entry for entry in old if entry not in left]
            self._carried[key] += [entry for entry in gone if entry.counted]
            entries[:] = [entry for entry in entries if entry not in gone]

    def adjust(
        self, account: str, contact: str, profile: str, group: str, points: int, *, at: datetime
    ) -> None:
        """Give a contact points by hand. at: by the clock of the service."""
        self._adjusted[account, contact].append((at, profile, group, points))
        of = self.accounts[account]
        survivor = self._survivor.get((account, contact), (account, contact))[1]
        self._send_score(of, of.profiles[profile], survivor, cause="adjustment", changed=[])

    def rejudge(self, account: str, definition: str) -> None:
        """Judge the history of a definition again under its newest edition, XP included."""
        of = self.accounts[account]
        edition = of.definitions[definition].editions[-1]
        for contact in self._contacts_of(account):
            entries = self._entries_of((account, contact), definition)
            judge_anew(entries, edition)
            self._tell_xp([each for each in entries if each.counted != bool(each.credits % 2)], self._last)
            for profile, _ in _published(of):
                self._send_score(of, profile, contact, cause="rejudge", changed=[])

    def batch(
        self, records: list[OracleRecord], *, backfilled: bool = False, with_xp: bool = True
    ) -> list[str]:
        """Process records that are committed together, from a lane or `backfilled`.

        Returns the outcome of each in order: its word, for a dead one `dead REASON`. with_xp: of a backfill.
        """
        self._backfilled, self._with_xp = backfilled, with_xp
        arrived: list[Entry] = []
        for record in records:
            self._note_deletion(record)
        outcomes = [self._take(record, arrived) for record in records]
        changed = self._judge(arrived)
        self._last = label(records[-1].source, records[-1].id) if records else ""
        self._tell_xp(changed, after=self._last)
        self._freeze_what_counts(changed)
        self._tell_scores(changed)
        self.outcomes += outcomes
        return outcomes

    # --- one record ---------------------------------------------------------------------------------------

    def _take(  # noqa: C901, PLR0911 - one for each outcome
        self, record: OracleRecord, arrived: list[Entry]
    ) -> str:
        """Return the outcome: the first that applies."""
        if record.tombstone:
            return "tombstone"
        try:
            event = read(record)
        except Dead as dead:
            return f"dead {dead}"
        account = self.accounts.get(event.account)
        if account is None:
            return "unknown_account"
        if not account.engagement:
            return "disabled"
        definitions = definitions_that_take(event, account)
        self._note_join(event)
        before = self._deleted.get((event.account, event.subject))
        if before is not None and event.occurred_at < before:
            return "contact" if event.type == "contact.merged" and not definitions else "gone"
        if event.type == "contact.upserted":
            self._upsert_contact(event)
        if event.type in CONTACT_TYPES and not definitions:
            return "contact"
        if not definitions:
            self._note_unmatched(event)
            return "unmatched"
        first = self._applied.get((event.account, event.key))
        if first is not None:
            self.conflicting_duplicates += first.contents != event.contents
            return "duplicate"
        if event.account in self._horizons and event.occurred_at < self._horizons[event.account]:
            return "expired"
        self._applied[event.account, event.key] = event
        self._see((event.account, event.subject))
        arrived += [self._enter(event, definition, account) for definition in definitions]
        return "applied"

    def _note_deletion(self, record: OracleRecord) -> None:
        """Take note of a deletion: it holds for the whole batch that it comes in."""
        if record.tombstone:
            return
        try:
            event = read(record)
        except Dead:
            return
        account = self.accounts.get(event.account)
        if event.type == "contact.deleted" and account is not None and account.engagement:
            contact = (event.account, event.subject)
            self._facts.deletions.append((contact, event.occurred_at))
            self._deleted[contact] = max(self._deleted.get(contact, event.occurred_at), event.occurred_at)
            self._new_deletions.add(contact)
            self._to_carry_out[contact] = None

    def _note_join(self, event: Event) -> None:
        join = join_of(event)
        if join is not None and join not in self._facts.joins:
            self._facts.joins.append(join)
            self._to_carry_out[join.contact] = None
            # Both contacts are created; of one that was deleted nothing is seen.
            for contact in (join.contact, join.into):
                if contact not in self._deleted:
                    self._see(contact)

    def _see(self, contact: Contact) -> None:
        if contact not in self._fields:
            self._fields[contact] = {}
            if contact in self._deleted:
                self._to_carry_out[contact] = None

    def _upsert_contact(self, event: Event) -> None:
        contact = (event.account, event.subject)
        says_something = any(event.data.get(name) is not None for name in CONTACT_FIELDS)
        if contact in self._deleted and not says_something:
            return
        self._see(contact)
        fields = self._fields[contact]
        for name in CONTACT_FIELDS:
            value = event.data.get(name)
            if value is not None and (name not in fields or fields[name][0] < event.order):
                fields[name] = (event.order, value)

    def _note_unmatched(self, event: Event) -> None:
        if self._backfilled:
            return
        at = event.occurred_at
        seen = self.inbox.setdefault((event.account, event.type), Unmatched(0, at, at))
        seen.count += 1
        seen.first_seen, seen.last_seen = min(seen.first_seen, at), max(seen.last_seen, at)

    def _enter(self, event: Event, definition: Definition, account: Account) -> Entry:
        earns = event.actor is not None and event.actor_type == "rep" and account.sales and self._with_xp
        entry = Entry(event, definition.key, definition.editions[-1], definition.xp if earns else 0)
        if event.robot and not account.count_robots:
            entry.verdict = "excluded"
        self._entries[event.account, event.subject, definition.key].append(entry)
        return entry

    # --- one commit ---------------------------------------------------------------------------------------

    def _judge(self, arrived: list[Entry]) -> list[Entry]:
        """Judge every key again that something arrived under; returns what counts now or ceased to."""
        keys = {
            (self._contact_of(entry), entry.definition, entry.edition, entry.key_object) for entry in arrived
        }
        concerned = {
            entry for contact, definition, *_ in keys for entry in self._entries_of(contact, definition)
        }
        before = {entry: entry.counted for entry in concerned}
        for contact, definition, edition, object_ in keys:
            judge(self._entries_of(contact, definition), edition, object_)
        return _changed(before)

    def _contact_of(self, entry: Entry) -> Contact:
        by = (entry.event.account, entry.event.subject)
        return self._survivor.get(by, by)

    # --- joins and deletions ------------------------------------------------------------------------------

    def carry_out(self, contact: Contact | None = None) -> None:
        """Carry out the joins and deletions that have come: of a contact and of those connected with it, or all.

        Each group of connected contacts is a commit.
        """
        while contact is not None or self._to_carry_out:
            connected = self._facts.connected(contact or next(iter(self._to_carry_out)))
            connected |= {id_ for id_, survivor in self._survivor.items() if survivor in connected}
            for one in connected:
                self._to_carry_out.pop(one, None)
            self._carry_out(sorted(connected))
            if contact is not None:
                return

    def _carry_out(self, ids: list[Contact]) -> None:
        were = {id_: self._survivor.get(id_, id_) for id_ in ids}
        touched: set[tuple[Contact, str]] = set()
        taken: set[Contact] = set()
        lessened: set[Contact] = set()
        for id_ in ids:
            removed = self._take_away(id_)
            touched |= {(were[id_], definition) for definition in removed}
            if removed:
                (taken if were[id_] == id_ else lessened).add(were[id_])
        erased = {id_ for id_ in ids if id_ in self._deleted and not self._has_anything(id_)}
        for id_ in ids:
            self._lead(id_, were[id_], erased, touched)
        self._tell_xp(self._judge_sets(touched), after=self._last)
        changed = taken | lessened | {contact for contact, _ in touched}
        for id_ in ids:
            stands = id_ not in self._survivor and id_ not in erased
            if not stands or id_ in taken:
                self._end_chains(id_)
            if stands and (were[id_] != id_ or id_ in changed):
                self._fields.setdefault(id_, {})
                for profile, _ in _published(self.accounts[id_[0]]):
                    cause = "rejudge" if id_ in taken | lessened else "merge"
                    self._send_score(self.accounts[id_[0]], profile, id_[1], cause=cause, changed=[])

    def _lead(
        self, id_: Contact, was: Contact, erased: set[Contact], touched: set[tuple[Contact, str]]
    ) -> None:
        """Let an id lead to where joins say; its entries go with it."""
        if id_ in erased:
            self._fields.pop(id_, None)
        survivor = self._facts.survivor(id_, erased)
        self._survivor.pop(id_, None)
        if survivor != id_:
            self._survivor[id_] = survivor
        if survivor != was:
            own = {
                key[2]
                for kept in (self._entries, self._carried)
                for key, entries in kept.items()
                if key[:2] == id_ and entries
            }
            own |= {"adjustments"} if id_ in self._adjusted else set()
            touched |= {(contact, definition) for contact in (was, survivor) for definition in own}

    def _take_away(self, id_: Contact) -> set[str]:
        """Remove what is dated before a deletion that has come to hold; returns definitions, or `fields`."""
        before = self._facts.deleted_before(id_)
        if before is None or (id_ not in self._new_deletions and self._deleted.get(id_) == before):
            return set()
        self._deleted[id_] = before
        self._new_deletions.discard(id_)
        removed = set()
        for key, entries in self._entries.items():
            gone = [entry for entry in entries if entry.event.occurred_at < before]
            if key[:2] == id_ and gone:
                removed.add(key[2])
                self._taken += gone
                entries[:] = [entry for entry in entries if entry not in gone]
        for key, carried in self._carried.items():
            if key[:2] == id_ and carried and all(entry.event.occurred_at < before for entry in carried):
                removed.add(key[2])
                self._taken += carried
                carried.clear()
        fields = self._fields.get(id_, {})
        for name in [name for name, (order, _) in fields.items() if order[0] < before]:
            del fields[name]
            removed.add("fields")
        adjusted = self._adjusted.pop(id_, [])
        if left := [one for one in adjusted if one[0] >= before]:
            self._adjusted[id_] = left
        if left != adjusted:
            removed.add("adjustments")
        return removed

    def _has_anything(self, id_: Contact) -> bool:
        entries = any(
            entries
            for kept in (self._entries, self._carried)
            for key, entries in kept.items()
            if key[:2] == id_
        )
        return entries or bool(self._fields.get(id_)) or id_ in self._adjusted

    def _judge_sets(self, touched: set[tuple[Contact, str]]) -> list[Entry]:
        """Judge all that a contact has under a definition again, edition by edition."""
        concerned = {
            entry for contact, definition in touched for entry in self._entries_of(contact, definition)
        }
        before = {entry: entry.counted for entry in concerned}
        for contact, definition in touched:
            entries = self._entries_of(contact, definition)
            keys = {(entry.edition.number, entry.key_object): entry.edition for entry in entries}
            for (_, object_), edition in sorted(keys.items(), key=lambda one: one[0][0]):
                judge(entries, edition, object_)
        return _changed(before)

    def _end_chains(self, id_: Contact) -> None:
        for profile in self.accounts[id_[0]].profiles:
            last = self._published[(id_[0], profile, id_[1])]
            if last.version and not last.ended:
                self.chains[id_[0], profile, id_[1]].append(Tombstone())
                last.shown, last.bands, last.ended = {}, None, True

    def _tell_xp(self, changed: list[Entry], after: str) -> None:
        """Send a message for each entry worth something: odd ones are credits, even ones reversals."""
        for entry in changed:
            if entry.worth == 0 or entry.event.actor is None:
                continue
            entry.credits += 1
            is_credit = entry.credits % 2 == 1
            message = XpCredited(
                account=entry.event.account,
                actor=entry.event.actor,
                definition=entry.definition,
                contact=self._contact_of(entry)[1],
                event=entry.event,
                number=entry.credits,
                amount=entry.worth if is_credit else -entry.worth,
                reverses=None if is_credit else entry.credits - 1,
                after=after,
            )
            self.xp.append(message)

    def _freeze_what_counts(self, changed: list[Entry]) -> None:
        for entry in changed:
            account = self.accounts[entry.event.account]
            for _, version in _published(account):
                version.freeze(account.definitions[entry.definition])

    def _tell_scores(self, changed: list[Entry]) -> None:
        for key, contact in sorted({self._contact_of(entry) for entry in changed}):
            account = self.accounts[key]
            own = [entry for entry in changed if self._contact_of(entry) == (key, contact)]
            for profile, _ in _published(account):
                cause = "backfill" if self._backfilled else "events"
                self._send_score(account, profile, contact, cause=cause, changed=own)

    def _send_score(
        self, account: Account, profile: Profile, contact: str, *, cause: str, changed: list[Entry]
    ) -> None:
        """Send a message if what is shown of the contact, or a band, has changed since the last one."""
        version = profile.version
        assert version is not None  # messages are of published profiles alone
        last = self._published[account.key, profile.key, contact]
        current = version.shown(self._add_up(account, profile.key, version, contact))
        previous = {of: last.shown.get(of, 0) for of in current}
        bands = version.bands(current)
        before = version.bands({}) if last.bands is None else last.bands
        has_changed = current != previous or any(before.get(of) != band for of, band in bands.items())
        if last.bands is not None or has_changed:
            last.shown, last.bands = current, bands
        if not has_changed:
            return
        last.version += 1
        last.ended = False
        message = ScoreChanged(
            account=account.key,
            profile=profile.key,
            profile_version=version.number,
            contact=contact,
            version=last.version,
            causes=(cause,),
            previous=previous[None],
            current=current[None],
            groups={of: (previous[of], points) for of, points in current.items() if of},
            bands={of: (before.get(of), band) for of, band in bands.items()},
            events=tuple(causes_of(changed, account, version)),
        )
        self.messages.append(message)
        fields = self._fields_of((account.key, contact))
        self.band_changes += crossings(message, fields.get("name"), fields.get("owner"), account, version)
        self.chains[account.key, profile.key, contact].append(message)

    def score_at(
        self,
        account: str,
        profile: str,
        contact: str,
        *,
        at: datetime | None = None,
        version: int | None = None,
    ) -> dict[str, int]:
        """Return what is shown, `overall` and every group. at: of what is before it; version: the published one."""
        of = self.accounts[account].profiles[profile]
        under = of.version if version is None else of.versions[version]
        assert under is not None  # of a published profile
        shown = under.shown(self._add_up(self.accounts[account], profile, under, contact, at))
        return {group or "overall": points for group, points in shown.items()}

    def _add_up(
        self, account: Account, profile: str, version: Version, contact: str, at: datetime | None = None
    ) -> dict[str, int]:
        """Add up a contact's sums by group, every group of the catalog among them. at: of what is before it."""
        groups = dict.fromkeys(account.groups, 0)
        for definition in account.definitions.values():
            weight, group = version.weight_and_group(definition)
            entries = self._entries_of((account.key, contact), definition.key)
            tally = sum(
                entry.counted
                for entry in entries
                if at is None or entry.purged or entry.event.occurred_at < at
            ) + len(
                [
                    entry
                    for id_ in self._ids_of((account.key, contact))
                    for entry in self._carried.get((*id_, definition.key), [])
                ]
            )
            groups[group] += tally * weight
        for id_ in self._ids_of((account.key, contact)):
            for given, of_profile, group, points in self._adjusted.get(id_, []):
                groups[group] += points * (of_profile == profile and (at is None or given < at))
        return groups

    def _entries_of(self, contact: Contact, definition: str) -> list[Entry]:
        """Return what a contact has under a definition, whichever of its ids it came by."""
        return [entry for id_ in self._ids_of(contact) for entry in self._entries.get((*id_, definition), [])]

    def _ids_of(self, contact: Contact) -> list[Contact]:
        """Return the ids that mean a contact: none, if its own means another by now."""
        if contact in self._survivor:
            return []
        return [contact, *(id_ for id_, survivor in self._survivor.items() if survivor == contact)]

    def _contacts_of(self, account: str) -> list[str]:
        return [contact for key, contact in self._standing if key == account]

    @property
    def _standing(self) -> list[Contact]:
        """The contacts ever seen that have not been joined to others."""
        return [contact for contact in self._fields if contact not in self._survivor]

    # --- what holds: complete state -----------------------------------------------------------------------

    @property
    def timeline(self) -> list[Entry]:
        """Every timeline entry, in no order that means anything."""
        return [entry for entries in self._entries.values() for entry in entries]

    @property
    def entries(self) -> dict[tuple[str, str, str, str], tuple[str, int, bool, int, int]]:
        """(account, contact, definition, event key in hex) -> (verdict, edition, settled, worth, K)."""
        return {
            (*self._contact_of(entry), entry.definition, entry.event.key.hex()): (
                entry.verdict,
                entry.edition.number,
                entry.settled,
                entry.worth,
                entry.credits,
            )
            for entry in self.timeline
        }

    @property
    def tallies(self) -> dict[tuple[str, str, str, int], int]:
        """(account, contact, definition, edition) -> how often it counted; those of 0 are not there.

        Edition 0: by entries that a purge has removed.
        """
        here = [(entry, entry.edition.number) for entry in self.timeline if entry.counted]
        carried = [(entry, 0) for entries in self._carried.values() for entry in entries]
        return dict(
            Counter(
                (*self._contact_of(entry), entry.definition, edition) for entry, edition in [*here, *carried]
            )
        )

    @property
    def scores(self) -> dict[tuple[str, str, str], dict[str, int]]:
        """(account, published profile, contact ever seen) -> `overall` and every group of the catalog."""
        return {
            key: {of or "overall": points for of, points in shown.items()}
            for key, (_, shown) in self._shown.items()
        }

    @property
    def bands(self) -> dict[tuple[str, str, str], dict[str, str]]:
        """The same -> the bands of `overall` and of each group that has some."""
        return {
            key: {of or "overall": band for of, band in version.bands(shown).items()}
            for key, (version, shown) in self._shown.items()
        }

    @property
    def _shown(self) -> dict[tuple[str, str, str], tuple[Version, dict[str | None, int]]]:
        shown = {}
        for key, contact in self._standing:
            account = self.accounts[key]
            for profile, version in _published(account):
                sums = self._add_up(account, profile.key, version, contact)
                shown[key, profile.key, contact] = (version, version.shown(sums))
        return shown

    @property
    def net_xp(self) -> dict[tuple[str, str], int]:
        """(account, actor) -> the worth of their counted entries; who never had a message is not there."""
        net: dict[tuple[str, str], int] = {(message.account, message.actor): 0 for message in self.xp}
        carried = [entry for entries in self._carried.values() for entry in entries]
        for entry in [*self.timeline, *self._taken, *carried]:
            if entry.counted and entry.worth and entry.event.actor is not None:
                net[entry.event.account, entry.event.actor] += entry.worth
        return net

    @property
    def contacts(self) -> dict[tuple[str, str], dict[str, Any]]:
        """(account, contact ever seen) -> the latest fields that `contact.upserted` gave any of its ids."""
        return {contact: self._fields_of(contact) for contact in self._standing}

    def _fields_of(self, contact: Contact) -> dict[str, Any]:
        fields = [one for id_ in self._ids_of(contact) for one in self._fields.get(id_, {}).items()]
        return {name: value for name, (_, value) in sorted(fields, key=lambda one: one[1][0])}


def _changed(before: dict[Entry, bool]) -> list[Entry]:
    """Return the entries that count now or ceased to, in event order."""
    return sorted(
        (entry for entry, counted in before.items() if entry.counted != counted),
        key=lambda entry: (entry.order, entry.definition),
    )


def _published(account: Account) -> list[tuple[Profile, Version]]:
    return [(each, each.version) for each in account.profiles.values() if each.version is not None]
