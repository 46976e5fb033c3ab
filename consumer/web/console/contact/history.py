"""How scores went: charts of the score by day, with the same in words and as a table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Any, Final

from consumer.web.console.contact.step_chart import HEIGHT, WIDTH, Scale, draw_steps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from consumer.web.console.contact.step_chart import Chart
    from consumer.web.console.reader import Reader

# Rows of the table beside the chart: the newest days.
_MOST_ROWS: Final = 60


@dataclass(frozen=True, slots=True)
class Step:
    """A time in which the score stayed. x, width, y: in the units of charts. text: the same in words."""

    x: float
    width: float
    y: float
    text: str


@dataclass(frozen=True, slots=True)
class Level:
    """Where a band begins. y: percent from above."""

    y: float
    band: str


@dataclass(frozen=True, slots=True)
class Row:
    """A day on which the overall score changed."""

    day: str
    overall: int
    change: int
    band: str | None


@dataclass(frozen=True, slots=True)
class History:
    """The chart of overall, those of groups by key, and the same in words and as rows, the newest first.

    first, last: the days at the ends of the chart. more_rows: how many earlier days `rows` leaves out.
    """

    overall: Chart
    steps: Sequence[Step]
    levels: Sequence[Level]
    groups: Mapping[str, Chart]
    first: str
    last: str
    summary: str
    rows: Sequence[Row]
    more_rows: int


def draw(
    found: Mapping[str, Any],
    reader: Reader,
    *,
    since: str | None,
    bands: Sequence[tuple[str, int | None]] = (),
) -> History:
    """Return the charts of the API's history from a day on; None: from the first change. bands: of overall."""
    days, before = found["days"], found["before"]
    today = reader.now.astimezone(reader.zone).date()
    first = date.fromisoformat(since or (days[0]["day"] if days else today.isoformat()))
    shown = [(first, before), *((date.fromisoformat(day["day"]), day) for day in days)]
    span = max(1, (today - first).days + 1)
    # An event may be dated ahead of its time.
    places = [min(WIDTH, (day - first).days / span * WIDTH) for day, _ in shown]
    scale = Scale.of(
        [score["overall"] for _, score in shown], [least for _, least in bands if least is not None]
    )
    rows = _rows(days, before, reader)
    return History(
        overall=draw_steps(_of(places, [score["overall"] for _, score in shown]), scale),
        steps=_steps(places, shown, scale, reader),
        levels=[
            Level(y, key)
            for key, least in bands
            if least is not None and 0 <= (y := scale.y(least)) <= HEIGHT
        ],
        groups={
            group: draw_steps(_of(places, values), Scale.of(values))
            for group in before["groups"]
            for values in [[score["groups"].get(group, 0) for _, score in shown]]
        },
        first=_day(first, reader),
        last=_day(today, reader),
        summary=_summary(before, days, reader, first),
        rows=rows[:_MOST_ROWS],
        more_rows=max(0, len(rows) - _MOST_ROWS),
    )


def _of(places: Sequence[float], values: Sequence[int]) -> list[tuple[float, int]]:
    return list(zip(places, values, strict=True))


def _steps(
    places: Sequence[float],
    shown: Sequence[tuple[date, Mapping[str, Any]]],
    scale: Scale,
    reader: Reader,
) -> list[Step]:
    ends = [*places[1:], WIDTH]
    return [
        Step(
            round(x, 2),
            round(end - x, 2),
            scale.y(score["overall"]),
            f"{_day(day, reader)}: {reader.number(score['overall'])}"
            + (f" ({score['band']})" if score["band"] else ""),
        )
        for (day, score), x, end in zip(shown, places, ends, strict=True)
    ]


def _rows(days: Sequence[Mapping[str, Any]], before: Mapping[str, Any], reader: Reader) -> list[Row]:
    rows, last = [], before["overall"]
    for day in days:
        change = day["overall"] - last
        # On other days only groups changed.
        if change:
            rows.append(
                Row(_day(date.fromisoformat(day["day"]), reader), day["overall"], change, day["band"])
            )
        last = day["overall"]
    return rows[::-1]


def _summary(
    before: Mapping[str, Any], days: Sequence[Mapping[str, Any]], reader: Reader, first: date
) -> str:
    """Return what the chart shows, in a sentence."""
    values = {"first": _day(first, reader), "before": reader.number(before["overall"])}
    if all(day["overall"] == before["overall"] for day in days):
        return reader.texts.gettext("%(before)s since %(first)s, without a change.") % values
    shown = [before["overall"], *(day["overall"] for day in days)]
    text = reader.texts.gettext(
        "From %(before)s on %(first)s to %(now)s, at most %(most)s and at least %(least)s."
    )
    return text % {
        **values,
        "now": reader.number(shown[-1]),
        "most": reader.number(max(shown)),
        "least": reader.number(min(shown)),
    }


def _day(day: date, reader: Reader) -> str:
    # Noon, so that it is that day in the reader's zone.
    return reader.date(datetime.combine(day, time(12), reader.zone).astimezone(UTC).isoformat())
