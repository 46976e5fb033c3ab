"""The rows of the list, and its columns."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from consumer.web.console.leads.filters import axis_of, order_of
from consumer.web.console.leads.neighbours import contact_url
from consumer.web.console.sparkline import Sparkline, sparkline

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from consumer.web.console.leads.filters import Choices
    from consumer.web.console.visit import Visit

# Groups with a column of their own, but for the one that the list is sorted by.
_MOST_GROUPS: Final = 6


@dataclass(frozen=True, slots=True)
class Column:
    """A column of points. key: of the group, None for overall. number: the group's place, for its colour.

    url: of the list sorted by it, or, if it is, the other way round. order: `ascending` or `descending`, empty if
    the list is sorted by something else. most: the most points of a row.
    """

    key: str | None
    name: str
    number: int
    url: str
    order: str
    most: int


@dataclass(frozen=True, slots=True)
class Row:
    """A contact. state: changes with what the row shows. line: of the points that the list is about."""

    contact: Mapping[str, Any]
    url: str
    state: str
    line: Sparkline


def rows(visit: Visit, filters: Mapping[str, str], items: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Return the rows of a page of the list."""
    axis = axis_of(filters)
    return [
        Row(
            each,
            contact_url(visit, each["id"], filters, each["place"]),
            blake2b(
                repr(
                    [each[name] for name in ("name", "owner", "overall", "groups", "last_event_at")]
                ).encode(),
                digest_size=6,
            ).hexdigest(),
            sparkline(_values(each, axis)),
        )
        for each in items
    ]


def _values(contact: Mapping[str, Any], axis: str | None) -> list[int]:
    trend = contact["trend"]
    if axis is None:
        found: list[int] = trend["overall"]
        return found
    return trend["groups"].get(axis) or [contact["groups"].get(axis, 0)] * len(trend["overall"])


def columns(
    visit: Visit, filters: Mapping[str, str], choices: Choices, items: Sequence[Mapping[str, Any]]
) -> list[Column]:
    """Return overall, and a column for each of the first groups."""
    axis = axis_of(filters)
    shown = [
        (number, group)
        for number, group in enumerate(choices.groups)
        if not group["deleted"] and (number < _MOST_GROUPS or group["key"] == axis)
    ]
    return [
        _column(visit, filters, None, 0, items),
        *(_column(visit, filters, group, number, items) for number, group in shown),
    ]


def _column(
    visit: Visit,
    filters: Mapping[str, str],
    group: Mapping[str, Any] | None,
    number: int,
    items: Sequence[Mapping[str, Any]],
) -> Column:
    if group is None:
        url, order = sort_link(visit, filters, "score")
        most = max((each["overall"] for each in items), default=0)
        return Column(None, visit.say("Score"), number, url, order, most)
    key = group["key"]
    url, order = sort_link(visit, filters, f"score.{key}")
    most = max((each["groups"].get(key, 0) for each in items), default=0)
    return Column(key, group["name"], number, url, order, most)


def sort_link(visit: Visit, filters: Mapping[str, str], by: str) -> tuple[str, str]:
    """Return the address of the list sorted by something, and how it is sorted by that now."""
    now = order_of(filters)
    order = "descending" if now == f"-{by}" else "ascending" if now == by else ""
    asked = {**filters, "sort": by if order == "descending" else f"-{by}"}
    return visit.url("leads", **asked), order
