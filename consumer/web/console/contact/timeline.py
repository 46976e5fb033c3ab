"""The timeline of a contact by day, and what each item says in plain words."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from consumer.web.console.navigation import N_
from consumer.web.console.reader import instant

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from consumer.web.console.contact.asked import Asked
    from consumer.web.console.reader import Reader

# Why an event gives no points, by the API's codes; without `%(time)s` where the API no longer knows when.
_WHY: Final = {
    "cooling_down": (
        N_("not counted: cooling down until %(time)s"),
        N_("not counted: cooling down"),
    ),
    "already_counted": (
        N_("not counted: it has counted already (%(time)s)"),
        N_("not counted: it has counted already"),
    ),
    "robot": (N_("not counted: a robot did it"),) * 2,
    "weight_zero": (N_("counted, for 0 points in this profile"),) * 2,
}
VERDICTS: Final = (
    ("counted", N_("Counted")),
    ("cooling_down", N_("Not counted: cooling down")),
    ("already_counted", N_("Not counted: counted already")),
    ("excluded", N_("Not counted: robot")),
)
_KEY_LENGTH: Final = 16


@dataclass(frozen=True, slots=True)
class Item:
    """An item as it is shown. key: for its element's id. exact: when it was, to the second, empty: at no time.

    why: why it gives no points, empty where it gives some. data: pretty JSON, where it was asked for.
    """

    key: str
    of: Mapping[str, Any]
    exact: str
    why: str
    data: str | None


@dataclass(frozen=True, slots=True)
class Day:
    """The items of a day. at: an instant in it; None: of what is at no time."""

    key: str
    at: str | None
    items: Sequence[Item]


def days(items: Sequence[Mapping[str, Any]], reader: Reader, *, continues: bool) -> list[Day]:
    """Return the items of a page of the API by day. continues: the first day may have begun on the page before."""
    found: list[Day] = []
    for day, of_day in groupby(items, key=lambda item: _day(item, reader)):
        shown = [_item(item, reader) for item in of_day]
        # The elements of two pages stand in one document.
        key = f"{day}-{shown[0].key}" if continues and not found else day
        found.append(Day(key, shown[0].of["at"], shown))
    return found


def _day(item: Mapping[str, Any], reader: Reader) -> str:
    return "last" if item["at"] is None else _local_day(item["at"], reader).isoformat()


def _item(item: Mapping[str, Any], reader: Reader) -> Item:
    event, adjustment = item["event"], item["adjustment"]
    named: tuple[object, ...] = (item["kind"], adjustment and adjustment["id"], item["group"])
    if event is not None:
        named = (event["source"], event["id"], item["definition"], item["at"])
    key = hashlib.sha256(json.dumps(named).encode()).hexdigest()[:_KEY_LENGTH]
    data = None if event is None else event["data"]
    exact = "" if item["at"] is None else reader.exact(item["at"])
    return Item(key, item, exact, _why(item, reader), None if data is None else pretty(data))


def _why(item: Mapping[str, Any], reader: Reader) -> str:
    why = item["why"]
    if why is None:
        return ""
    if why["code"] not in _WHY:
        return str(why["text"])
    timed, untimed = _WHY[why["code"]]
    at = why["until"] or why["blocked_by"]
    if at is None:
        return reader.texts.gettext(untimed)
    is_that_day = _local_day(at, reader) == _local_day(item["at"], reader)
    return reader.texts.gettext(timed) % {"time": reader.time(at) if is_that_day else reader.moment(at)}


def _local_day(at: str, reader: Reader) -> date:
    return instant(at).astimezone(reader.zone).date()


def pretty(data: object) -> str:
    """Return JSON for people."""
    return json.dumps(data, ensure_ascii=False, indent=2)


def older(asked: Asked, cursor: str | None) -> dict[str, str] | None:
    """Return the parameters of the page with what is older; None: there is none."""
    return None if cursor is None else {**asked.but(), "cursor": cursor}
