"""What somebody watching sees while it runs: a live screen on a terminal, a plain line now and then elsewhere.

Owns showing. Never counts anything and never asks for anything: it draws what it is given.
"""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from rich.columns import Columns
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from schemas.names import OUTPUT_TOPICS, Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rich.console import RenderableType

    from consumer.demo.counts import Counts
    from consumer.infra.clock import Clock

_WIDTH_ELSEWHERE = 110
# Seconds between two lines where there is no terminal, and over which the rate is reckoned.
_LINE_EVERY = 2.0
_RATE_OVER = 2.0
# Lines of the screen that are not contacts; and contacts at most.
_OTHER_LINES = 16
MOST_CONTACTS = 10
_BAR_WIDTH = 10
# What all topics out begin with; a narrow terminal has no room for it.
_ENGAGEMENT = "engagement."

COLOURS: Mapping[str, str] = {
    Outcome.APPLIED: "green",
    Outcome.DEAD: "red",
    Outcome.DUPLICATE: "yellow",
    Outcome.EXPIRED: "yellow",
    Verdict.COUNTED: "green",
    Verdict.ALREADY_COUNTED: "yellow",
    Verdict.COOLING_DOWN: "cyan",
    Verdict.EXCLUDED: "magenta",
}


class Hot(NamedTuple):
    """A contact at the top of the list; groups: points by the group's name, in display order."""

    name: str
    account: str
    overall: int
    groups: dict[str, int]


class Moment(NamedTuple):
    """What is to be seen at one moment. per_second: handled records, lately."""

    counts: Counts
    verdicts: Mapping[str, int]
    hottest: list[Hot]
    seconds: float
    per_second: float


class Rate:
    """How many records a second were handled lately."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque()

    def of(self, handled: int) -> float:
        """Return the rate of the last two seconds, given how many were handled by now."""
        now = self._clock.monotonic()
        self._seen.append((now, handled))
        while len(self._seen) > 2 and now - self._seen[0][0] > _RATE_OVER:  # noqa: PLR2004 - a span has two ends
            self._seen.popleft()
        begun, before = self._seen[0]
        return (handled - before) / (now - begun) if now > begun else 0.0


class NobodyWatchesError(BrokenPipeError):
    """Whoever read the demo's output has gone."""


class _Console(Console):
    def on_broken_pipe(self) -> None:
        # Not SystemExit, rich's own way: it would end the loop before the servers are taken away.
        raise NobodyWatchesError


def console() -> Console:
    """Return the console of the demo, on standard output, wide enough for tables where it is a file.

    Printing raises NobodyWatchesError where standard output is a pipe that nobody reads any more.
    """
    made = _Console(highlight=False)
    return made if made.is_terminal else _Console(highlight=False, width=_WIDTH_ELSEWHERE)


@contextmanager
def shown(on: Console) -> Iterator[Callable[[Moment], None]]:
    """Give a function that shows a moment; the last one stays on the screen."""
    if not on.is_terminal:
        yield _lines(on)
        return
    # Redrawn by whoever calls, not by a thread of rich's: all happens between two steps of one loop.
    with Live(console=on, auto_refresh=False) as live:
        yield lambda moment: live.update(picture(moment, on.size.height), refresh=True)


def _lines(on: Console) -> Callable[[Moment], None]:
    told_at = 0.0

    def tell(moment: Moment) -> None:
        nonlocal told_at
        if moment.seconds - told_at >= _LINE_EVERY:
            told_at = moment.seconds
            on.print(line(moment), soft_wrap=True)

    return tell


def line(moment: Moment) -> str:
    """Return a moment as one plain line."""
    counts = moment.counts
    outcomes = ", ".join(f"{name} {number}" for name, number in counts.outcomes.most_common())
    hottest = f"; hottest: {moment.hottest[0].name} {moment.hottest[0].overall}" if moment.hottest else ""
    return (
        f"{moment.seconds:4.0f} s: {counts.handled} of {counts.total} events, {moment.per_second:.0f}/s, "
        f"lag {counts.lag}: {outcomes or 'nothing yet'}; messages out {counts.read.total()}{hottest}"
    )


def picture(moment: Moment, height: int = 100) -> Group:
    """Return a moment as a picture of at most so many lines."""
    counts = moment.counts
    heading = Table.grid(padding=(0, 2), expand=True)
    heading.add_column(no_wrap=True)
    heading.add_column(ratio=1)
    heading.add_column(justify="right", no_wrap=True)
    heading.add_row(
        f"[bold]{counts.handled:,}[/] of {counts.total:,} events",
        ProgressBar(total=counts.total, completed=counts.handled),
        f"[bold]{moment.per_second:,.0f}[/] events/s   lag [bold]{counts.lag:,}[/]   {moment.seconds:.0f} s",
    )
    tables = [
        _numbers("outcomes", counts.outcomes, [one for one in Outcome if one is not Outcome.GONE]),
        _numbers("verdicts", moment.verdicts, list(Verdict)),
        _numbers(
            "messages out",
            {topic.removeprefix(_ENGAGEMENT): number for topic, number in counts.read.items()},
            [topic.removeprefix(_ENGAGEMENT) for topic in OUTPUT_TOPICS],
        ),
    ]
    parts: list[RenderableType] = [heading, Columns([Panel.fit(table) for table in tables])]
    room = min(MOST_CONTACTS, height - _OTHER_LINES)
    if moment.hottest and room > 0:
        parts.append(_hottest(moment.hottest[:room]))
    return Group(*parts)


def _numbers(title: str, numbers: Mapping[str, int], names: list[str]) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column()
    table.add_column(justify="right", min_width=6)
    table.add_row(Text(title, style="bold"), "")
    for name in names:
        table.add_row(Text(name, style=COLOURS.get(name, "")), f"{numbers.get(name, 0):,}")
    return table


def _hottest(contacts: list[Hot]) -> Table:
    table = Table(
        title="hottest contacts", title_justify="left", title_style="bold", box=None, padding=(0, 1)
    )
    table.add_column("contact", no_wrap=True)
    table.add_column("account", style="dim", no_wrap=True)
    groups = list(dict.fromkeys(group for contact in contacts for group in contact.groups))
    for group in groups:
        table.add_column(group, justify="right")
    table.add_column("overall", justify="right", style="bold")
    table.add_column("", no_wrap=True)
    most = max(contact.overall for contact in contacts)
    for contact in contacts:
        points = [str(contact.groups.get(group, "")) for group in groups]
        bar = "█" * round(_BAR_WIDTH * max(contact.overall, 0) / max(most, 1))
        table.add_row(contact.name, contact.account, *points, str(contact.overall), f"[red]{bar}[/]")
    return table
