"""How large a batch may be: bounds that hold always, and a number of records that follows Postgres' time-outs."""

from __future__ import annotations

# Entries, and characters of the data that they carry, in one batch, unless a single record has more. A type that
# many definitions take makes many entries of one record, each with the data.
MOST_ENTRIES = 10_000
MOST_DATA = 16 << 20

_TIME_OUTS_AT_FULL_SIZE = 2


class BatchSize:
    """The number of records that a batch may have; most: None while nothing limits it.

    Halved at the second time-out in a row, and at each one after that, down to one record. Grown by a sixteenth as
    full batches commit, and no limit again above what timed out.
    """

    def __init__(self) -> None:
        self.most: int | None = None
        self._time_outs = 0
        self._too_many = 0

    def note_time_out(self, records: int) -> None:
        """Record that Postgres gave up on a batch of so many records."""
        if self.most is None:
            self._time_outs += 1
            if self._time_outs < _TIME_OUTS_AT_FULL_SIZE:
                return
            self._too_many = records
        self.most = max(1, records // 2)

    def note_commit(self, records: int) -> None:
        """Record that a batch of so many records was committed."""
        self._time_outs = 0
        if self.most is not None and records >= self.most:
            self.most += max(1, self.most // 16)
            if self.most >= self._too_many:
                self.most = None

    def note_culprit(self) -> None:
        """Record that one record was what took so long: batches may be as large as before."""
        self.most = None
        self._time_outs = 0
