"""The audit trail: who changed what, when, and what it was before and after.

Owns writing an entry, in the same transaction as the change itself: there is never one without the other. Never
reads the trail; the API's route does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from sql import queries

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection

_ENCODER = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True)
class AuditedChange:
    """One thing that somebody does.

    action: what is done, in the past tense: `created`, `changed`, `deleted`, `published`, … subject: what to:
    `account`, `definition`, `group`, `profile`, … key: which one, None for the account itself. before, after: JSON
    values or what msgspec makes such of; of a change what differs is enough; None: there was or is nothing.
    """

    action: str
    subject: str
    key: str | None = None
    before: Any = None
    after: Any = None


async def record_changes(connection: Connection, account: str, actor: str, *changes: AuditedChange) -> None:
    """Write an entry for each change of an account, by its key; call it in the transaction of the change."""
    await connection.execute(
        queries("web")["record_changes"],
        account,
        actor,
        [change.action for change in changes],
        [change.subject for change in changes],
        [change.key for change in changes],
        [_json(change.before) for change in changes],
        [_json(change.after) for change in changes],
    )


def _json(value: Any) -> str | None:
    return None if value is None else _ENCODER.encode(value).decode()
