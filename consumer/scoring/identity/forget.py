"""What a deletion takes beside a contact's tables: dead letters, samples, ignored events, deliveries, audit."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from consumer.domain.identity import hash_of
from consumer.domain.readable_subject import readable_subject
from consumer.domain.record_headers import decode_headers
from consumer.infra.postgres.connection import affected_rows
from sql import queries

if TYPE_CHECKING:
    import asyncpg

    from consumer.infra.postgres.connection import Connection
    from consumer.scoring.identity.cluster import Cluster, Member

_SQL = queries("identity")
_WEBHOOKS = queries("webhooks")
# Dead letters read by one statement.
_CHUNK = 500
_ESCAPED: Final = re.compile(rb"(?:\\u[0-9A-Fa-f]{4})+|\\([/\"\\])")


class Sample(msgspec.Struct):
    """What is read of a sample of the inbox."""

    subject: str
    time: datetime


_SAMPLE = msgspec.json.Decoder(Sample)


class Elsewhere:
    """Forgets what deletions take away; each statement is a transaction, safe to repeat.

    taken: by contact, how many rows were concerned, by kind.
    """

    def __init__(self, connection: Connection, account: str, salt: bytes) -> None:
        self.taken: dict[int, Counter[str]] = {}
        self._connection = connection
        self._account = account
        self._salt = salt
        self._before: dict[int, datetime] = {}

    def has_forgotten(self, cluster: Cluster) -> bool:
        """Return whether everything is forgotten that the deletions of a cluster take away."""
        return all(self._before.get(number) == before for number, before in cluster.to_take_away.items())

    async def forget(self, cluster: Cluster) -> None:
        """Forget what the deletions of a cluster take away."""
        connection = self._connection
        for number, before in cluster.to_take_away.items():
            if self._before.get(number) == before:
                continue
            member = cluster.members[number]
            person = Person(self._account, member, self._salt)
            taken = self.taken.setdefault(number, Counter())
            taken["dead_letters"] += await _forget_dead_letters(connection, person, before)
            taken["inbox_samples"] += await _forget_samples(connection, person, before)
            taken["ignored_events"] += affected_rows(
                await connection.execute(
                    _SQL["forget_ignored_events"], member.account_id, person.id_hash, before
                )
            )
            if member.name is not None:
                taken["webhook_deliveries"] += affected_rows(
                    await connection.execute(_WEBHOOKS["forget_contact"], member.account_id, member.name)
                )
                instead = f"erased:{hash_of(self._salt, member.account_id, member.name).hex()}"
                taken["audit_entries"] += affected_rows(
                    await connection.execute(
                        _SQL["forget_in_audit"], member.account_id, member.name, instead, before
                    )
                )
            self._before[number] = before


class Person:
    """By what the contact of a deletion is recognised: its id, or only the hash of that if it is erased."""

    def __init__(self, account: str, member: Member, salt: bytes) -> None:
        self.account = account
        self.account_id = member.account_id
        self.name = None if member.name is None else member.name.encode()
        self.id_hash = (
            member.id_hash if member.name is None else hash_of(salt, member.account_id, member.name)
        )
        self._salt = salt

    def goes_by(self, contact: str) -> bool:
        """Return whether this is its id."""
        if self.name is not None:
            return contact.encode(errors="surrogatepass") == self.name
        return hash_of(self._salt, self.account_id, contact) == self.id_hash

    def stands_in(self, value: bytes) -> bool:
        """Return whether its id stands in bytes that cannot be read, as a whole word."""
        return self.name is not None and _has_word(value, self.name)


async def _forget_dead_letters(connection: Connection, person: Person, before: datetime) -> int:
    forgotten = 0
    for statement in ("dead_letters_with", "dead_letters_of_nobody_with"):
        last = 0
        while letters := await connection.fetch(_SQL[statement], person.account, last, person.name, _CHUNK):
            last = letters[-1]["id"]
            named = [
                letter["id"]
                for letter in letters
                if _recorded_before(letter, before) and names(letter, person)
            ]
            if named:
                forgotten += affected_rows(await connection.execute(_SQL["forget_dead_letters"], named))
    return forgotten


def names(letter: asyncpg.Record, person: Person) -> bool:
    """Return whether a dead letter names a person: as its subject, or where that cannot be read, anywhere."""
    value, key = letter["value"] or b"", letter["key"] or b""
    if letter["account_key"] is None and not _has_word(value, person.account.encode()):
        return False
    subject = readable_subject(decode_headers(letter["headers"]), value)
    if subject is None:
        return person.stands_in(value) or person.stands_in(key)
    return person.goes_by(subject)


async def _forget_samples(connection: Connection, person: Person, before: datetime) -> int:
    named = [
        (type_, sample)
        for type_, sample in await connection.fetch(_SQL["samples"], person.account_id)
        if (read := _SAMPLE.decode(sample)).time < before and person.goes_by(read.subject)
    ]
    if not named:
        return 0
    return affected_rows(
        await connection.execute(
            _SQL["forget_samples"], person.account_id, *map(list, zip(*named, strict=True))
        )
    )


def _has_word(value: bytes, word: bytes) -> bool:
    """Return whether a word stands in a value, also in escapes of JSON; not as a part of another, or of a time."""
    if b"\\" in value:
        value = value + b"\n" + _ESCAPED.sub(_unescaped, value)
    return re.search(rb"(?<![\w.@+-])(?<!\d:)" + re.escape(word) + rb"(?![\w.@+-])(?!:\d)", value) is not None


def _unescaped(found: re.Match[bytes]) -> bytes:
    if found[1] is not None:
        return found[1]
    text: str = json.loads(b'"' + found[0] + b'"')
    return text.encode(errors="replace")


def _recorded_before(letter: asyncpg.Record, before: datetime) -> bool:
    timestamp = letter["record_timestamp"]
    return timestamp is None or datetime.fromtimestamp(timestamp / 1000, UTC) < before
