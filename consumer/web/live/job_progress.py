"""What has changed in the background jobs of accounts since the last look: one statement for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from consumer.web.http.outward_ids import BACKFILL, PUBLISH, PURGE, REJUDGEMENT
from consumer.web.http.seal import InstallationSeal
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.infra.clock import Clock
    from consumer.infra.postgres.connection import Connection

_JOBS: Final = queries("live")["jobs"]
# Seconds from one look to the next.
_EVERY: Final = 1.0
# By kind of job, the member that names what it is about.
_SUBJECTS: Final = {"publish": "profile", "rejudgement": "definition"}
_IDS: Final = {each.kind: each for each in (PUBLISH, REJUDGEMENT, PURGE, BACKFILL)}


class JobState(msgspec.Struct, frozen=True):
    """The progress of a job as JSON. is_changed: since the last look."""

    account: str
    json: bytes
    is_changed: bool


class JobProgress:
    """Remembers what was last seen of each job."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: dict[tuple[str, int], bytes] = {}
        self._looked_at = float("-inf")
        self._seal = InstallationSeal()

    async def look(self, connection: Connection, accounts: Sequence[str], *, at_once: bool) -> list[JobState]:
        """Return the jobs of accounts that have not ended, or did in the last minute; none before it is time.

        at_once: look although it is not time.
        """
        now = self._clock.monotonic()
        if not at_once and now - self._looked_at < _EVERY:
            return []
        self._looked_at = now
        await self._seal.bind(connection)
        states, seen = [], {}
        for row in await connection.fetch(_JOBS, accounts):
            key, text = (row["kind"], row["id"]), _shown(row)
            seen[key] = text
            states.append(JobState(row["account"], text, self._seen.get(key) != text))
        self._seen = seen
        return states


def _shown(row: Any) -> bytes:
    shown = {"kind": row["kind"], "id": _IDS[row["kind"]].write(row["id"])}
    if subject := _SUBJECTS.get(row["kind"]):
        shown[subject] = row["subject"]
    return msgspec.json.encode(shown | {name: row[name] for name in ("state", "done", "total", "ended_at")})
