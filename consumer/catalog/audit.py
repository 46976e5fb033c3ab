"""Writes the audit trail: who changed what and when, with the values before and after.

Entries are written in the transaction of the change itself, so that neither exists without the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from schemas.exact_json import exact_json
from sql import queries

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection


@dataclass(frozen=True)
class AuditedChange:
    """One entry of the audit trail, still without its time and actor.

    action: in the past tense: `created`, `changed`, `deleted`, `published`, … subject: the kind of its object:
    `account`, `definition`, `group`, `profile`, … key: of that object, None for the account itself. before, after:
    JSON values, or values that msgspec encodes; of a change, the fields that differ; None where there is none.
    """

    action: str
    subject: str
    key: str | None = None
    before: Any = None
    after: Any = None


async def record_changes(connection: Connection, account: str, actor: str, *changes: AuditedChange) -> None:
    """Write an entry for each change of the account with this key; call it in the transaction of the change."""
    await connection.execute(
        queries("audit")["record_changes"],
        account,
        actor,
        [change.action for change in changes],
        [change.subject for change in changes],
        [change.key for change in changes],
        [_json(change.before) for change in changes],
        [_json(change.after) for change in changes],
    )


def _json(value: Any) -> str | None:
    return None if value is None else exact_json(value)
