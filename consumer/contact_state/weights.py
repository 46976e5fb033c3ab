"""The weights by which tallies become points, under every version that is published or being built."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from consumer.contact_state.frames import read_frames
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from consumer.contact_state.frames import Frames
    from consumer.domain.frame import Frame
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

    by_definition: weights. versions: (profile, version) of the published and building versions by account. frames:
    of these versions and of those before them.
    """

    def __init__(self) -> None:
        self._of_definition: dict[int, Sequence[Weight]] = {}
        self._versions: dict[int, Sequence[tuple[int, int]]] = {}
        self._frames: dict[tuple[int, int], dict[int, Frame]] = {}
        self._counted: set[int] = set()

    @property
    def by_definition(self) -> Mapping[int, Sequence[Weight]]:
        """The weights of the definitions that were read."""
        return self._of_definition

    @property
    def versions(self) -> Mapping[int, Sequence[tuple[int, int]]]:
        """The versions, (profile, version), of the accounts that were read."""
        return self._versions

    @property
    def frames(self) -> Frames:
        """The frames of the versions of the accounts that were read, and of those before them."""
        return self._frames

    async def read_missing(
        self, connection: Connection, *, definitions: Iterable[int] = (), accounts: Iterable[int] = ()
    ) -> None:
        """Read the weights of these definitions, and versions and frames of these accounts, where not known.

        Whether they are of the caller's revision is for the caller to see to: by a lock, or by a check afterwards.
        """
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
        if unread := set(accounts) - self._versions.keys():
            versions: dict[int, list[tuple[int, int]]] = {account: [] for account in unread}
            for row in await connection.fetch(_SQL["versions"], sorted(unread)):
                versions[row["account_id"]].append((row["profile_id"], row["version"]))
            self._versions.update(versions)
            profiles = {profile for of_account in versions.values() for profile, _ in of_account}
            self._frames.update(await read_frames(connection, profiles))

    def forget(self, account: int, definitions: set[int]) -> None:
        """Read what is known of an account and of its definitions again when it is next asked for.

        What has counted stays known: it never ceases to have counted.
        """
        self._versions.pop(account, None)
        for definition in definitions:
            self._of_definition.pop(definition, None)

    async def mark_counted(self, connection: Connection, definitions: Iterable[int]) -> bool:
        """Mark those of these definitions that count for the first time; return whether that was to be seen.

        It may have waited for a change of theirs: weights that were read before are to be checked again.
        """
        unsure = set(definitions) - self._counted
        if unsure:
            rows = await connection.fetch(_SQL["mark_counted"], sorted(unsure))
            # What this transaction has marked is not certain before its commit.
            self._counted |= unsure - {row["id"] for row in rows}
        return bool(unsure)
