"""Histograms of scores, laid out for templates (components/charts.html) that draw them as SVG."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from babel import numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from consumer.web.console.reader import Reader

# Pixels: the highest column, and one of so few contacts that it would not be seen.
HEIGHT: Final = 160
_LEAST_HEIGHT: Final = 2.0
# So many labels have room on a phone.
_MOST_TICKS: Final = 8
# A column, as a part of its place.
_WIDTH: Final = 0.84


@dataclass(frozen=True, slots=True)
class Bar:
    """How many contacts have scores from `least` to `most`, both included; None: unbounded.

    counts: one for each series. band: the key of the band that the bar is in; None: there are no bands.
    """

    least: int | None
    most: int | None
    counts: Sequence[int]
    band: str | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A bar as it is drawn. x, width: per cent. heights: pixels, of each series. label: its range of scores."""

    x: float
    width: float
    heights: list[float]
    counts: Sequence[int]
    label: str
    band: str | None


@dataclass(frozen=True, slots=True)
class BandSpan:
    """A band below the columns. place: from 0, the coldest, up. x, width: per cent."""

    key: str
    place: int
    places: int
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """A drawing. series: names. ticks: place in per cent, and text. most: contacts of the highest column."""

    columns: list[Column]
    series: Sequence[str]
    ticks: list[tuple[float, str]]
    bands: list[BandSpan]
    most: int
    height: int = HEIGHT


def histogram(
    reader: Reader, bars: Sequence[Bar], series: Sequence[str], bands: Sequence[str] = ()
) -> Histogram:
    """Lay out bars, each as wide as the others. bands: all keys, from the coldest to the warmest."""
    most = max((count for bar in bars for count in bar.counts), default=0)
    step = 100 / max(1, len(bars))
    columns = [
        Column(
            x=round(place * step + step * (1 - _WIDTH) / 2, 3),
            width=round(step * _WIDTH, 3),
            heights=[_height(count, most) for count in bar.counts],
            counts=bar.counts,
            label=_label(reader, bar),
            band=bar.band,
        )
        for place, bar in enumerate(bars)
    ]
    return Histogram(columns, series, _ticks(reader, bars, step), _spans(bars, step, bands), most)


def _height(count: int, most: int) -> float:
    return 0.0 if not count else max(_LEAST_HEIGHT, round(HEIGHT * count / most, 2))


def _label(reader: Reader, bar: Bar) -> str:
    if bar.least is None and bar.most is None:
        return reader.texts.gettext("any score")
    if bar.least is None:
        return reader.texts.gettext("%(most)s and less") % {"most": reader.number(bar.most or 0)}
    if bar.most is None:
        return reader.texts.gettext("%(least)s and more") % {"least": reader.number(bar.least)}
    if bar.least == bar.most:
        return reader.number(bar.least)
    values = {"least": reader.number(bar.least), "most": reader.number(bar.most)}
    return reader.texts.gettext("%(least)s to %(most)s") % values


def _ticks(reader: Reader, bars: Sequence[Bar], step: float) -> list[tuple[float, str]]:
    """Return where bars begin, of as many as have room."""
    begins = [(place, bar.least) for place, bar in enumerate(bars) if bar.least is not None]
    every = -(-len(begins) // _MOST_TICKS) or 1
    return [
        (
            round(place * step, 3),
            numbers.format_compact_decimal(least, locale=reader.locale, fraction_digits=1),
        )
        for place, least in begins[::every]
    ]


def _spans(bars: Sequence[Bar], step: float, bands: Sequence[str]) -> list[BandSpan]:
    spans = []
    for key, group in groupby(enumerate(bars), key=lambda pair: pair[1].band):
        places = [place for place, _ in group]
        if key is not None and key in bands:
            x, width = round(places[0] * step, 3), round(len(places) * step, 3)
            spans.append(BandSpan(key, bands.index(key), len(bands), x, width))
    return spans
