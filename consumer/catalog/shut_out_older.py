"""Shuts out programs that do not know frames, before the first one is stored (docs/decisions/0045).

A worker of an earlier version would add sums where this one bounds, and its API would publish a draft without its
frames. An installation that has none can go back to an earlier version at any time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.catalog.model.frames import frames_by_name
from sql import queries

if TYPE_CHECKING:
    from consumer.catalog.model.account import AccountCatalog
    from consumer.infra.postgres.connection import Connection

_SQL = queries("migrations")
# The oldest program that knows frames.
KNOWS_FRAMES = 9


class OlderProgramsError(Exception):
    """Programs of earlier versions are connected, which do not know bounds and bands; the message says which."""


def has_frames(catalog: AccountCatalog) -> bool:
    """Return whether a draft of an account has a frame that is not plain."""
    return any(frames_by_name(each.overall, each.groups) for each in catalog.profiles.values())


async def shut_out_older(connection: Connection) -> None:
    """Let no older program connect from now on; call it outside a transaction.

    Raises OlderProgramsError where one is connected; then nothing has changed.
    """
    oldest: int = await connection.fetchval(_SQL["oldest_program"])
    if oldest >= KNOWS_FRAMES:
        return
    await _require_none(connection)
    await connection.execute(_SQL["raise_oldest_program"], KNOWS_FRAMES)
    try:
        await _require_none(connection)  # one that connected meanwhile
    except OlderProgramsError:
        await connection.execute(_SQL["lower_oldest_program"], oldest, KNOWS_FRAMES)
        raise


async def _require_none(connection: Connection) -> None:
    if running := await connection.fetch(_SQL["programs"], KNOWS_FRAMES, 3):
        listed = ", ".join(f"version {row['version']} ({row['connections']} connections)" for row in running)
        raise OlderProgramsError(
            f"bounds and bands are for programs from version {KNOWS_FRAMES} on, and older ones are running: "
            f"{listed}; replace them first"
        )
