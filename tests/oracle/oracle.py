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
from tests.oracle.judge import Entry, judge
from tests.oracle.match import definitions_that_take
from tests.oracle.messages import ScoreChanged, XpCredited, causes_of, label

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
    """The version and scores in the last message of a contact and profile."""

    version: int = 0
    groups: dict[str, int] = field(default_factory=dict)


class Oracle:
    """The service as semantics.md means it; `apply` and `batch` change it, all else reads it."""

    def __init__(self) -> None:
        self.accounts: dict[str, Account] = {}
        self.outcomes: list[str] = []
        self.conflicting_duplicates = 0
        self.inbox: dict[tuple[str, str], Unmatched] = {}
        self.messages: list[ScoreChanged] = []
        self.xp: list[XpCredited] = []
        self._entries: defaultdict[tuple[str, str, str], list[Entry]] = defaultdict(list)
        self._applied: dict[tuple[str, bytes], Event] = {}
        self._horizons: dict[str, datetime] = {}
        self._fields: dict[tuple[str, str], dict[str, tuple[tuple[datetime, bytes], Any]]] = {}
        self._published: defaultdict[tuple[str, str, str], Published] = defaultdict(Published)

    # --- what happens -------------------------------------------------------------------------------------

    def apply(self, document: dict[str, Any]) -> None:
        """Apply a catalog document, in force for the batches that follow; a publish is its own commit."""
        key = document["account"]
        account = self.accounts.setdefault(key, Account(key))
        for profile in account.change(document):
            for contact in self._contacts_of(key):
                self._send_score(account, profile, contact, cause="publish", changed=[])

    def set_horizon(self, account: str, when: datetime) -> None:
        """Move the retention horizon, as the purge would: what is older is `expired` from now on."""
        self._horizons[account] = when

    def batch(self, records: list[OracleRecord]) -> list[str]:
        """Process records that are committed together.

        Returns the outcome of each in order: its word, for a dead one `dead REASON`.
        """
        arrived: list[Entry] = []
        outcomes = [self._take(record, arrived) for record in records]
        changed = self._judge(arrived)
        self._tell_xp(changed, after=label(records[-1].source, records[-1].id) if records else "")
        self._freeze_what_counts(changed)
        self._tell_scores(changed)
        self.outcomes += outcomes
        return outcomes

    # --- one record ---------------------------------------------------------------------------------------

    def _take(self, record: OracleRecord, arrived: list[Entry]) -> str:  # noqa: PLR0911 - one for each outcome
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
        self._fields.setdefault((event.account, event.subject), {})
        arrived += [self._enter(event, definition, account) for definition in definitions]
        return "applied"

    def _upsert_contact(self, event: Event) -> None:
        fields = self._fields.setdefault((event.account, event.subject), {})
        for name in CONTACT_FIELDS:
            value = event.data.get(name)
            if value is not None and (name not in fields or fields[name][0] < event.order):
                fields[name] = (event.order, value)

    def _note_unmatched(self, event: Event) -> None:
        at = event.occurred_at
        seen = self.inbox.setdefault((event.account, event.type), Unmatched(0, at, at))
        seen.count += 1
        seen.first_seen, seen.last_seen = min(seen.first_seen, at), max(seen.last_seen, at)

    def _enter(self, event: Event, definition: Definition, account: Account) -> Entry:
        earns = event.actor is not None and event.actor_type == "rep" and account.sales
        entry = Entry(event, definition.key, definition.editions[-1], definition.xp if earns else 0)
        if event.robot and not account.count_robots:
            entry.verdict = "excluded"
        self._entries[event.account, event.subject, definition.key].append(entry)
        return entry

    # --- one commit ---------------------------------------------------------------------------------------

    def _judge(self, arrived: list[Entry]) -> list[Entry]:
        """Judge every key again that something arrived under; returns what counts now or ceased to."""
        keys = {
            (entry.event.account, entry.event.subject, entry.definition, entry.edition, entry.key_object)
            for entry in arrived
        }
        concerned = {entry for key in keys for entry in self._entries[key[:3]]}
        before = {entry: entry.counted for entry in concerned}
        for account, contact, definition, edition, object_ in keys:
            judge(self._entries[account, contact, definition], edition, object_)
        return sorted(
            (entry for entry in concerned if entry.counted != before[entry]),
            key=lambda entry: (entry.order, entry.definition),
        )

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
                contact=entry.event.subject,
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
        for key, contact in sorted({(entry.event.account, entry.event.subject) for entry in changed}):
            account = self.accounts[key]
            own = [entry for entry in changed if (entry.event.account, entry.event.subject) == (key, contact)]
            for profile, _ in _published(account):
                self._send_score(account, profile, contact, cause="events", changed=own)

    def _send_score(
        self, account: Account, profile: Profile, contact: str, *, cause: str, changed: list[Entry]
    ) -> None:
        """Send a message if a group of the contact has changed since the last one."""
        version = profile.version
        assert version is not None  # messages are of published profiles alone
        last = self._published[account.key, profile.key, contact]
        current = self._add_up(account, version, contact)
        groups = {group: (last.groups.get(group, 0), points) for group, points in current.items()}
        if all(previous == points for previous, points in groups.values()):
            return
        last.version += 1
        last.groups = current
        message = ScoreChanged(
            account=account.key,
            profile=profile.key,
            profile_version=version.number,
            contact=contact,
            version=last.version,
            causes=(cause,),
            previous=sum(previous for previous, _ in groups.values()),
            current=sum(points for _, points in groups.values()),
            groups=groups,
            events=tuple(causes_of(changed, account, version)),
        )
        self.messages.append(message)

    def _add_up(self, account: Account, version: Version, contact: str) -> dict[str, int]:
        """Add up a contact's points by group, every group of the catalog among them."""
        groups = dict.fromkeys(account.groups, 0)
        for definition in account.definitions.values():
            weight, group = version.weight_and_group(definition)
            tally = sum(entry.counted for entry in self._entries_of(account.key, contact, definition.key))
            groups[group] += tally * weight
        return groups

    def _entries_of(self, account: str, contact: str, definition: str) -> list[Entry]:
        return self._entries.get((account, contact, definition), [])

    def _contacts_of(self, account: str) -> list[str]:
        return [contact for key, contact in self._fields if key == account]

    # --- what holds: complete state -----------------------------------------------------------------------

    @property
    def timeline(self) -> list[Entry]:
        """Every timeline entry, in no order that means anything."""
        return [entry for entries in self._entries.values() for entry in entries]

    @property
    def entries(self) -> dict[tuple[str, str, str, str], tuple[str, int, bool, int, int]]:
        """(account, contact, definition, event key in hex) -> (verdict, edition, settled, worth, K)."""
        return {
            (entry.event.account, entry.event.subject, entry.definition, entry.event.key.hex()): (
                entry.verdict,
                entry.edition.number,
                entry.event.settled,
                entry.worth,
                entry.credits,
            )
            for entry in self.timeline
        }

    @property
    def tallies(self) -> dict[tuple[str, str, str, int], int]:
        """(account, contact, definition, edition) -> how often it counted; those of 0 are not there."""
        return dict(
            Counter(
                (entry.event.account, entry.event.subject, entry.definition, entry.edition.number)
                for entry in self.timeline
                if entry.counted
            )
        )

    @property
    def scores(self) -> dict[tuple[str, str, str], dict[str, int]]:
        """(account, published profile, contact ever seen) -> `overall` and every group of the catalog."""
        scores = {}
        for key, contact in self._fields:
            account = self.accounts[key]
            for profile, version in _published(account):
                groups = self._add_up(account, version, contact)
                scores[key, profile.key, contact] = {"overall": sum(groups.values()), **groups}
        return scores

    @property
    def net_xp(self) -> dict[tuple[str, str], int]:
        """(account, actor) -> the worth of their counted entries; who never had a message is not there."""
        net: dict[tuple[str, str], int] = {(message.account, message.actor): 0 for message in self.xp}
        for entry in self.timeline:
            if entry.counted and entry.worth and entry.event.actor is not None:
                net[entry.event.account, entry.event.actor] += entry.worth
        return net

    @property
    def contacts(self) -> dict[tuple[str, str], dict[str, Any]]:
        """(account, contact ever seen) -> the fields that `contact.upserted` gave it."""
        return {
            contact: {name: value for name, (_, value) in fields.items()}
            for contact, fields in self._fields.items()
        }


def _published(account: Account) -> list[tuple[Profile, Version]]:
    return [(each, each.version) for each in account.profiles.values() if each.version is not None]
