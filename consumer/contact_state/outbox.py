"""Enqueues messages; the last thing a transaction does before its commit."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from sql import queries

if TYPE_CHECKING:
    from consumer.infra.postgres.connection import Connection
    from consumer.infra.postgres.writes import Executes

_SQL = queries("outbox")


class Outbox:
    """Messages of a transaction, collected in the order in which they are to be published."""

    def __init__(self) -> None:
        self._by_shard: defaultdict[int, tuple[list[str], list[str], set[int]]] = defaultdict(
            lambda: ([], [], set())
        )

    def add(self, shard: int, kind: str, facts: str, account_id: int | None = None) -> None:
        """Add a message. account_id: of a message that shows groups."""
        kinds, all_facts, accounts = self._by_shard[shard]
        kinds.append(kind)
        all_facts.append(facts)
        if account_id is not None:
            accounts.add(account_id)

    def __len__(self) -> int:
        return sum(len(kinds) for kinds, _, _ in self._by_shard.values())

    async def enqueue(self, writes: Executes) -> None:
        """Enqueue them; the heads of their shards stay locked until the commit."""
        for shard, (kinds, facts, accounts) in sorted(self._by_shard.items()):
            await writes.execute(_SQL["enqueue"], shard, kinds, facts, sorted(accounts))


async def lock_heads(connection: Connection) -> None:
    """Lock the heads in order, where two statements of one transaction are to take positions."""
    await connection.execute(_SQL["lock_heads"])
