"""Sends the statements of a transaction whose answers nobody needs: one by one, or all of them in one message.

Together they cost one wait for Postgres, not one each; a small batch spends most of its time on such waits
(docs/decisions/0029). Then each is prepared under a name, and called by it with its arguments as literals.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from asyncpg.prepared_stmt import PreparedStatement

    from consumer.infra.postgres.connection import Connection

# By connection and statement; asyncpg closes a statement that nothing refers to.
_prepared: WeakKeyDictionary[Connection, dict[str, PreparedStatement[Any]]] = WeakKeyDictionary()


class Executes(Protocol):
    """A connection, or Writes: for functions that change rows and need no answer."""

    def execute(self, query: str, /, *args: Any) -> Awaitable[Any]:
        """Run a statement; Writes may do so later, in the order of the calls."""


class Writes:
    """The statements of one transaction, which its caller has begun and ends by `end`.

    together: sends nothing before `end`. What returns an answer goes to the connection, and sees nothing of these.
    """

    def __init__(self, connection: Connection, *, together: bool) -> None:
        self._connection = connection
        self._together = together
        self._calls: list[str] = []
        self._copied: tuple[str, Sequence[tuple[Any, ...]], Sequence[str]] | None = None

    async def execute(self, query: str, /, *args: Any) -> None:
        """Run a statement that returns no rows."""
        if not self._together:
            await self._connection.execute(query, *args)
            return
        prepared = _prepared.setdefault(self._connection, {})
        if query not in prepared:
            prepared[query] = await self._connection.prepare(query)
        literals = ", ".join(map(_literal, args))
        self._calls.append(f'execute "{prepared[query].get_name()}"({literals})')

    async def copy(self, table: str, records: Sequence[tuple[Any, ...]], columns: Sequence[str]) -> None:
        """Copy rows into a table, before all statements that wait for `end`; once in a transaction."""
        if not self._together:
            await self._connection.copy_records_to_table(table, records=records, columns=columns)
            return
        if self._copied is not None:
            raise ValueError("there are rows to copy already")
        self._copied = table, records, columns

    async def end(self, last: str | None = None) -> None:
        """Send what is still to be sent, and then a last statement: `commit`."""
        script = "; ".join([*self._calls, *([last] if last else [])])
        copied, self._calls, self._copied = self._copied, [], None
        if copied is not None:
            table, records, columns = copied
            # The end of the COPY statement is the end of the message: more statements may follow it there.
            await self._connection.copy_records_to_table(
                table, records=records, columns=columns, where=f"true; {script}" if script else None
            )
        elif script:
            await self._connection.execute(script)


def _literal(value: Any) -> str:
    """Return a value as SQL, of the type that the parameter has."""
    if value is None:
        return "null"
    if isinstance(value, int):
        return str(value)
    text = value if isinstance(value, str) else f"{{{','.join(map(_element, value))}}}"
    # In this form whatever the server's standard_conforming_strings says.
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"E'{escaped}'"


def _element(value: str | bytes | int | datetime | None) -> str:
    """Return an element of an array's literal."""
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, bytes):
        return f'"\\\\x{value.hex()}"'
    if isinstance(value, datetime):
        return f'"{value.isoformat()}"'
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
