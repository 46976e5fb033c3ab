"""The weights by which tallies become points, under every version that is published or being built."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from sql import queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from consumer.infra.postgres.connection import Connection

_SQL = queries("weights")


class Weight(msgspec.Struct, frozen=True, gc=False):
    """The weight of a definition under one version. profile: its key. is_published: else it is being built."""

    profile_id: int
    profile: str
    version: int
    group_id: int
    weight: int
    is_published: bool


class Weights:
    """What was read of one revision of the configuration; `forget` what another revision has changed.

    Each method reads what is missing. The caller's transaction holds the revision lock.
    """

    def __init__(self) -> None:
        self._of_definition: dict[int, Sequence[Weight]] = {}
        self._versions: dict[int, Sequence[tuple[int, int]]] = {}
        self._counted: set[int] = set()

    async def of_definitions(
        self, connection: Connection, definitions: Iterable[int]
    ) -> Mapping[int, Sequence[Weight]]:
        """Return the weights by definition, at least of these."""
        missing = set(definitions) - self._of_definition.keys()
        if missing:
            found: dict[int, list[Weight]] = {definition: [] for definition in missing}
            for row in await connection.fetch(_SQL["of_definitions"], sorted(missing)):
                found[row["definition_id"]].append(
                    Weight(
                        row["profile_id"],
                        row["profile"],
                        row["version"],
                        row["group_id"],
                        row["weight"],
                        row["is_published"],
                    )
                )
            self._of_definition.update(found)
        return self._of_definition

    async def versions(
        self, connection: Connection, accounts: Iterable[int]
    ) -> Mapping[int, Sequence[tuple[int, int]]]:
        """Return (profile, version) of the published and building versions by account, at least of these."""
        missing = set(accounts) - self._versions.keys()
        if missing:
            found: dict[int, list[tuple[int, int]]] = {account: [] for account in missing}
            for row in await connection.fetch(_SQL["versions"], sorted(missing)):
                found[row["account_id"]].append((row["profile_id"], row["version"]))
            self._versions.update(found)
        return self._versions

    def forget(self, account: int, definitions: set[int]) -> None:
        """Read what is known of an account and of its definitions again when it is next asked for."""
        self._versions.pop(account, None)
        for definition in definitions:
            self._of_definition.pop(definition, None)
        self._counted -= definitions

    async def mark_counted(self, connection: Connection, definitions: Iterable[int]) -> None:
        """Mark those of these definitions that count for the first time."""
        unsure = set(definitions) - self._counted
        if unsure:
            rows = await connection.fetch(_SQL["mark_counted"], sorted(unsure))
            # What this transaction has marked is not certain before its commit.
            self._counted |= unsure - {row["id"] for row in rows}
