"""Parses `overall` and `groups` of a profile: bounds, bands, and groups apart (docs/semantics.md, 5.24 to 5.31)."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from consumer.catalog.document.fields import KEY, Fields, quoted
from consumer.catalog.document.yaml_nodes import MappingNode
from consumer.domain.frame import PLAIN, Band, Frame

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_SHOWN = 1_000_000_000
FEWEST_BANDS, MOST_BANDS = 2, 10
BAND_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
BAND_FORM = "1 to 64 letters, digits and _, beginning with a letter"
_OVERALL = ("floor", "cap", "bands")


def read_overall(fields: Fields) -> Frame | None:
    """Return the frame of overall; None where the field is absent or faulty."""
    inner = fields.mapping("overall", _OVERALL)
    return None if inner is None else _frame(inner)


def read_groups(fields: Fields) -> dict[str, Frame] | None:
    """Return the frames of groups that are not plain; None where the field is absent or faulty.

    The line of each is added to those of the profile, as `groups.KEY`.
    """
    inner = fields.mapping("groups", ())
    if inner is None:
        return None
    frames = {}
    for key, line in inner.lines.items():
        if not KEY.fullmatch(key):
            inner.fault(line, f"{quoted(key)} is not a valid group key")
        elif (each := inner.mapping(key, (*_OVERALL, "apart"))) is not None:
            frames[key] = _frame(each)
            fields.lines[f"groups.{key}"] = line
    return {key: frame for key, frame in frames.items() if frame != PLAIN}


def _frame(fields: Fields) -> Frame:
    floor, cap = _bound(fields, "floor", -MOST_SHOWN, 0), _bound(fields, "cap", 0, MOST_SHOWN)
    apart = fields.boolean("apart") or False
    bands = _bands(fields, floor, cap)
    return Frame(floor, cap, apart, bands)


def _bands(fields: Fields, floor: int | None, cap: int | None) -> tuple[Band, ...]:
    nodes = fields.items("bands")
    if not nodes:
        return ()
    if not FEWEST_BANDS <= len(nodes) <= MOST_BANDS:
        fields.fault(
            fields.lines["bands"], f"bands must be from {FEWEST_BANDS} to {MOST_BANDS}, not {len(nodes)}"
        )
    bands: list[tuple[Band, Fields]] = []
    lines: dict[str, int] = {}
    for number, node in enumerate(nodes, 1):
        each = Fields(node, f"{fields.label}: band {number}", ("key", "min"), fields.faults)
        if not isinstance(node, MappingNode):
            continue
        key, least = each.matching("key", BAND_KEY, BAND_FORM), _bound(each, "min", -MOST_SHOWN, MOST_SHOWN)
        has_min = "min" in each.lines and not each.is_null("min")
        if "key" not in each.lines:
            each.fault(each.line, "key is missing")
        elif key in lines:
            each.fault(each.lines["key"], f"the key is repeated, first on line {lines[key]}")
        elif key:
            lines[key] = each.lines["key"]
            bands.append((Band(key, least), each))
        if number == 1 and has_min:
            each.fault(each.lines["min"], "min is not for the first band, which has no lower end")
        elif number > 1 and not has_min:
            each.fault(each.line, "min is missing")
    _check_order(bands, floor, cap)
    return tuple(band for band, _ in bands)


def _bound(fields: Fields, field: str, least: int, most: int) -> int | None:
    """Return a whole number, None where the field is absent, null, or faulty."""
    return None if fields.is_null(field) else fields.integer(field, least, most)


def _check_order(bands: Iterable[tuple[Band, Fields]], floor: int | None, cap: int | None) -> None:
    bounded = [(band.least, fields) for band, fields in bands if band.least is not None]
    for least, fields in bounded:
        if floor is not None and least <= floor:
            fields.fault(fields.lines["min"], f"min must be above the floor, {floor}, not {least}")
        if cap is not None and least > cap:
            fields.fault(fields.lines["min"], f"min must not be above the cap, {cap}, not {least}")
    for (before, _), (least, fields) in pairwise(bounded):
        if least <= before:
            fields.fault(
                fields.lines["min"], f"min must be above that of the band before, {before}, not {least}"
            )
