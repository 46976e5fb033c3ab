"""How many contacts a step of a background job may have: as many as Postgres processes in time."""

from __future__ import annotations

# So many steps in a row: where only the size is the matter, each attempt to grow costs a time-out.
_IN_A_ROW = 10


class StepSize:
    """Halved after each time-out, down to one contact, and doubled after ten steps up to what the kind has."""

    def __init__(self, most: int) -> None:
        self.contacts = most
        self._most = most
        self._in_a_row = 0

    def timed_out(self) -> None:
        """Note that Postgres gave up on a step."""
        self.contacts = max(1, self.contacts // 2)
        self._in_a_row = 0

    def succeeded(self) -> None:
        """Note that a step was committed."""
        self._in_a_row += 1
        if self._in_a_row >= _IN_A_ROW and self.contacts < self._most:
            self.contacts = min(2 * self.contacts, self._most)
            self._in_a_row = 0
