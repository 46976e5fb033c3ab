"""Loads the snapshot by which batches match events: all accounts with their active definitions, of one revision.

It has what matching and judging need; scoring reads weights and groups when it needs them. `match` is pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from consumer.catalog.model.conditions import Condition, compile_condition, conditions_from_json
from consumer.domain.verdict_rule import Edition
from schemas.exact_json import parse_data
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    import asyncpg

    from consumer.catalog.model.conditions import CompiledCondition
    from consumer.domain.model import Event
    from consumer.infra.postgres.connection import Connection

_NO_DATA: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class ActiveDefinition:
    """An active definition, as far as matching and judging need it.

    edition: the number of the current one; rule: its dedup policy. xp: for the rep of a counted event, 0 for none.
    """

    id: int
    key: str
    edition: int
    rule: Edition
    xp: int
    conditions: tuple[Condition, ...] = ()
    _holds: tuple[CompiledCondition, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_holds", tuple(map(compile_condition, self.conditions)))

    @property
    def reads_data(self) -> bool:
        """Return True if a condition has a path in `data`."""
        return any(condition.path is not None for condition in self.conditions)

    def takes(self, event: Event, data: Mapping[str, Any]) -> bool:
        """Return True if every condition holds; `data`: of the event, parsed. The caller has matched the type."""
        return all(holds(event, data) for holds in self._holds)


@dataclass(frozen=True, slots=True)
class AccountSnapshot:
    """An account, its settings, and its active definitions by event type, each list in display order."""

    id: int
    key: str
    engagement: bool
    sales: bool
    count_robots: bool
    definitions_by_type: dict[str, tuple[ActiveDefinition, ...]]
    _types_with_conditions: frozenset[str] = field(init=False, repr=False, compare=False)
    _types_with_paths: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "_types_with_conditions", self._types_where(lambda one: bool(one.conditions))
        )
        object.__setattr__(self, "_types_with_paths", self._types_where(lambda one: one.reads_data))

    def _types_where(self, holds: Callable[[ActiveDefinition], bool]) -> frozenset[str]:
        return frozenset(
            event_type for event_type, taking in self.definitions_by_type.items() if any(map(holds, taking))
        )

    def definition_ids(self) -> set[int]:
        """Return the numbers of the active definitions."""
        return {definition.id for taking in self.definitions_by_type.values() for definition in taking}

    def takes_all_of(self, event_type: str) -> bool:
        """Return True if no definition of that type has a condition."""
        return event_type not in self._types_with_conditions

    def reads_data_of(self, event_type: str) -> bool:
        """Return True if a condition of a definition of that type reads `data`."""
        return event_type in self._types_with_paths


@dataclass(frozen=True, slots=True)
class CatalogSnapshot:
    """All accounts by key, of one revision."""

    revision: int
    accounts: dict[str, AccountSnapshot]


def match(account: AccountSnapshot, event: Event) -> tuple[ActiveDefinition, ...]:
    """Return the active definitions that take the event, in display order; never raises.

    It parses `data` at most once, and only if a condition reads it.
    """
    candidates = account.definitions_by_type.get(event.type, ())
    if account.takes_all_of(event.type):
        return candidates
    data = parse_data(event.data) if account.reads_data_of(event.type) else _NO_DATA
    return tuple(definition for definition in candidates if definition.takes(event, data))


async def load_snapshot(
    connection: Connection, before: CatalogSnapshot | None = None, *, only: Collection[str] | None = None
) -> CatalogSnapshot:
    """Read the snapshot of all accounts in one statement, so that it is of one revision.

    before: an earlier one, of which accounts that have not changed are taken over. only: these accounts alone,
    by key. Raises what asyncpg raises.
    """
    rows = await connection.fetch(
        queries("catalog")["load_snapshot"],
        before.revision if before else 0,
        None if only is None else sorted(only),
    )
    if before and rows[0]["revision"] < before.revision:
        return await load_snapshot(connection, only=only)  # Postgres has lost commits
    by_account: dict[str, list[asyncpg.Record]] = {}
    for row in rows:
        if row["account_id"] is not None:
            by_account.setdefault(row["account_key"], []).append(row)
    accounts = dict(before.accounts) if before else {}
    accounts |= {key: _account(of_account) for key, of_account in by_account.items()}
    return CatalogSnapshot(revision=rows[0]["revision"], accounts=accounts)


def _account(rows: list[asyncpg.Record]) -> AccountSnapshot:
    first = rows[0]
    return AccountSnapshot(
        id=first["account_id"],
        key=first["account_key"],
        engagement=first["engagement"],
        sales=first["sales"],
        count_robots=first["count_robots"],
        definitions_by_type=_by_type(row for row in rows if row["definition_id"] is not None),
    )


def _by_type(rows: Iterable[asyncpg.Record]) -> dict[str, tuple[ActiveDefinition, ...]]:
    by_type: dict[str, tuple[ActiveDefinition, ...]] = {}
    for row in rows:
        definition = ActiveDefinition(
            id=row["definition_id"],
            key=row["definition_key"],
            edition=row["edition"],
            rule=Edition.stored(row["policy"], row["interval_seconds"], row["per"]),
            xp=row["xp"],
            conditions=conditions_from_json(row["conditions"]),
        )
        for event_type in row["events"]:
            by_type[event_type] = (*by_type.get(event_type, ()), definition)
    return by_type
