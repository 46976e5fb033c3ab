"""Where a call came from, as far as its events depend on it."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - msgspec reads annotations at run time

import msgspec


class Sender(msgspec.Struct, frozen=True, kw_only=True):
    """The client of a request.

    received_at: by the server's clock, in UTC. origin: None from servers and e-mails. by_pixel: it asked for an
    image or followed a link.
    """

    received_at: datetime
    address: str
    user_agent: str | None = None
    origin: str | None = None
    referrer: str | None = None
    by_pixel: bool = False

    @property
    def is_person(self) -> bool:
        """Whether address and user agent are those of a person: by a browser or a mail program."""
        return self.by_pixel or self.origin is not None
