"""Everything that is kept of one contact, as lines of JSON: for the person who asks what is known of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from consumer.scoring.identity.requests import UnknownContactError
from sql import queries

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from consumer.web.http.database import AccountConnections

_SQL = queries("contact_export")
# Entries read by one statement.
_CHUNK = 500


async def export_lines(
    database: AccountConnections, account_id: int, contact: str
) -> AsyncGenerator[bytes, None]:
    """Yield one object a line, from one snapshot: `contact`, then `id`, `field`, `score`, `adjustment`, `event`.

    Of what a purge has removed `carried` has counts, `left` what dedup still needs. `ignored` is on no timeline. A
    `delivery` is a message to a webhook.

    Raises UnknownContactError.
    """
    async with database.export() as connection:
        about = await connection.fetchrow(_SQL["contact"], account_id, contact)
        if about is None:
            raise UnknownContactError(contact)
        number = about["number"]
        yield _line("contact", {"id": about["id"], "first_seen_at": about["first_seen_at"]})
        for kind in ("id", "field", "score", "adjustment", "carried", "left", "ignored", "delivery"):
            for row in await connection.fetch(_SQL[kind], account_id, number):
                yield _line(kind, dict(row))
        after: tuple[Any, ...] = (None, None, None)
        while rows := await connection.fetch(_SQL["event"], account_id, number, *after, _CHUNK):
            for row in rows:
                entry = dict(row)
                entry["event_key"] = entry["event_key"].hex()
                entry["data"] = msgspec.Raw(entry["data"].encode())
                del entry["definition_id"]
                yield _line("event", entry)
            after = rows[-1]["occurred_at"], rows[-1]["event_key"], rows[-1]["definition_id"]


def _line(kind: str, values: dict[str, Any]) -> bytes:
    return msgspec.json.encode({kind: values}) + b"\n"
