"""Recognises scans of mails: a security gateway follows all links of one at once, to see where they lead."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import Final, NamedTuple

_MOST_MAILS: Final = 20_000
_MOST_REQUESTS: Final = 16


class Mail(NamedTuple):
    """A mail as one contact got it. object_id: '' where its links name none: then all of the contact's are one."""

    token: str
    contact: str
    object_id: str


class MailScans:
    """The last links asked for, by mail. Bounded: the mails that were asked about longest ago are forgotten.

    The first link of a scan is known for one only when the next is asked for: so a click is judged `seconds` after
    it came, not at once.
    """

    def __init__(self, links: int, seconds: float, most_mails: int = _MOST_MAILS) -> None:
        self.links = links
        self.seconds = seconds
        self._most_mails = most_mails
        self._by_mail: OrderedDict[Mail, deque[tuple[float, int]]] = OrderedDict()

    def note(self, mail: Mail, url: str, at: float) -> None:
        """Note that a link of a mail was asked for. at: by a monotonic clock, in seconds."""
        requests = self._by_mail.get(mail)
        if requests is None:
            if len(self._by_mail) >= self._most_mails:
                self._by_mail.popitem(last=False)
            requests = self._by_mail[mail] = deque(maxlen=_MOST_REQUESTS)
        else:
            self._by_mail.move_to_end(mail)
        requests.append((at, hash(url)))

    def is_scan(self, mail: Mail, at: float) -> bool:
        """Return whether enough different links of a mail were asked for within `seconds` of an instant."""
        requests = self._by_mail.get(mail, ())
        return len({link for when, link in requests if abs(when - at) <= self.seconds}) >= self.links
