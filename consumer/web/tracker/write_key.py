"""What a process knows of a tracker token: whose it is, and what calls with it may do."""

from __future__ import annotations

import msgspec


class WriteKey(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A token of an account; the key itself is not in it.

    Empty sets allow everything, but query_parameters: none beyond the usual ones of campaigns. Limits are events
    per second of the token, of one address with it, and events per day of UTC.
    """

    id: str
    account: str
    name: str
    origins: frozenset[str] = frozenset()
    event_names: frozenset[str] = frozenset()
    anonymous_only: bool = False
    may_set_traits: bool = False
    keeps_addresses: bool = False
    query_parameters: frozenset[str] = frozenset()
    per_second: int
    per_second_by_address: int
    per_day: int
    # Signs links of e-mails (HMAC-SHA256).
    signing_secret: bytes

    @property
    def source(self) -> str:
        """The `source` of its events: a caller cannot choose it."""
        return f"/tracker/{self.id}"
