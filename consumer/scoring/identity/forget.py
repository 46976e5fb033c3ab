"""What a deletion takes away beside the contact's own tables: dead letters, samples, names in the audit trail."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from consumer.domain.damaged_json import readable_members
from consumer.domain.identity import hash_of
from consumer.domain.record_headers import decode_headers, headers_by_name
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Collection

    import asyncpg

    from consumer.infra.postgres.connection import Connection

_SQL = queries("identity")
# Dead letters read by one statement.
_CHUNK = 500


async def forget_elsewhere(
    connection: Connection, contacts: Collection[int], salt: bytes
) -> dict[int, Counter[str]]:
    """Forget what deletions that are not carried out yet name; each statement is a transaction, safe to repeat.

    Returns by contact how many rows were concerned, by kind.
    """
    forgotten: dict[int, Counter[str]] = {}
    for number, account_id, account, name, before in await connection.fetch(
        _SQL["to_forget"], sorted(contacts)
    ):
        taken = forgotten[number] = Counter()
        taken["dead_letters"] += await _forget_dead_letters(connection, account, name, before)
        taken["inbox_samples"] += rows_of(
            await connection.execute(_SQL["forget_samples"], account_id, name, before)
        )
        instead = f"erased:{hash_of(salt, account_id, name).hex()}"
        taken["audit_entries"] += rows_of(
            await connection.execute(_SQL["forget_in_audit"], account_id, name, instead, before)
        )
    return forgotten


async def _forget_dead_letters(connection: Connection, account: str, name: str, before: datetime) -> int:
    last = forgotten = 0
    while letters := await connection.fetch(
        _SQL["dead_letters_with"], account, last, msgspec.json.encode(name)[1:-1], _CHUNK
    ):
        last = letters[-1]["id"]
        named = [
            letter["id"] for letter in letters if _recorded_before(letter, before) and names(letter, name)
        ]
        if named:
            forgotten += rows_of(await connection.execute(_SQL["forget_dead_letters"], named))
    return forgotten


def names(letter: asyncpg.Record, contact: str) -> bool:
    """Return whether a dead letter names a contact: as its subject, or unreadably in its bytes."""
    by_name, _ = headers_by_name(None, decode_headers(letter["headers"]))
    subject = by_name.get("ce_subject")
    if subject is not None:
        return subject == contact.encode()
    value = letter["value"] or b""
    members = readable_members(value)
    if members is None:
        return contact.encode() in value
    try:
        return bool(msgspec.json.decode(members.get("subject", b"null")) == contact)
    except msgspec.MsgspecError:
        return contact.encode() in value


def _recorded_before(letter: asyncpg.Record, before: datetime) -> bool:
    timestamp = letter["record_timestamp"]
    return timestamp is None or datetime.fromtimestamp(timestamp / 1000, UTC) < before


def rows_of(status: str) -> int:
    """Return the number of rows from the status of a statement ("DELETE 3")."""
    return int(status.rpartition(" ")[2])
