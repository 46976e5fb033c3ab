"""Holds events of e-mails back for the seconds in which a scanner would ask for all links of one."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from consumer.web.tracker.robots.mail_scans import Mail

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.infra.clock import Clock
    from consumer.web.tracker.calls.links import LinkRequest
    from consumer.web.tracker.calls.outcome import TrackedRecord
    from consumer.web.tracker.pixel_queue import PixelQueue
    from consumer.web.tracker.robots.mail_scans import MailScans
    from consumer.web.tracker.write_key import WriteKey

# Events that are held back; beyond them an event is recorded as it is.
_MOST = 20_000


class _Held(NamedTuple):
    mail: Mail
    at: float
    record: TrackedRecord
    as_robot: Callable[[], TrackedRecord | None]


class ScannedLinks:
    """Events of signed links on their way to the queue of pixels."""

    def __init__(self, pixels: PixelQueue, scans: MailScans, clock: Clock) -> None:
        self._pixels = pixels
        self._scans = scans
        self._clock = clock
        self._held: deque[_Held] = deque()
        self._some = asyncio.Event()

    def put(
        self,
        link: LinkRequest,
        write_key: WriteKey,
        record: TrackedRecord,
        as_robot: Callable[[], TrackedRecord | None],
    ) -> bool:
        """Enqueue an event; return False if it is dropped. as_robot: makes the same event with the mark `robot`."""
        if self._pixels.full:
            return self._pixels.put((record,))
        mail, at = Mail(write_key.id, link.contact, link.object_id), self._clock.monotonic()
        if link.url is not None:
            self._scans.note(mail, link.url, at)
        if len(self._held) >= _MOST:
            return self._pixels.put((record,))
        self._held.append(_Held(mail, at, record, as_robot))
        self._some.set()
        return True

    async def run(self) -> None:
        """Pass events on when their time has come, until cancelled."""
        while True:
            await self._some.wait()
            while self._held:
                left = self._held[0].at + self._scans.seconds - self._clock.monotonic()
                if left > 0:
                    await asyncio.sleep(left)
                else:
                    self._pass_on()
            self._some.clear()

    def pass_all_on(self) -> None:
        """Pass on all events at once: the process ends."""
        while self._held:
            self._pass_on()

    def _pass_on(self) -> None:
        held = self._held.popleft()
        is_scan = self._scans.is_scan(held.mail, held.at)
        self._pixels.put(((held.as_robot() if is_scan else None) or held.record,))
