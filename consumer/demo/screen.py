"""Shows a running demo: a live screen on a terminal, a plain line every two seconds elsewhere. Only draws."""

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

from consumer.demo.checks import NOT_IN_THE_DEMO
from schemas.vocabulary import OUTPUT_TOPICS, Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rich.console import RenderableType

    from consumer.demo.crossings import Crossings
    from consumer.demo.live_counts import DemoCounts
    from consumer.infra.clock import Clock

_FILE_WIDTH = 110
# Seconds between two lines without a terminal, and the period of the recent rate.
_LINE_SECONDS = 2.0
_RATE_SECONDS = 2.0
# Lines of the screen that are not contacts; and the maximum number of contacts.
_OTHER_LINES = 17
MAX_CONTACTS = 10
# Common to all output topics; a narrow terminal has no room for it.
_TOPIC_PREFIX = "engagement."

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


class HotContact(NamedTuple):
    """A contact with a high score; groups: points by group name, in display order."""

    name: str
    account: str
    overall: int
    band: str
    groups: dict[str, int]


class Snapshot(NamedTuple):
    """The figures of one snapshot. per_second: records handled, recently."""

    counts: DemoCounts
    verdicts: Mapping[str, int]
    hottest: list[HotContact]
    crossings: Crossings
    seconds: float
    per_second: float


class RecentRate:
    """Records handled per second, recently."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque()

    def of(self, handled: int) -> float:
        """Return the rate over the last two seconds; handled: the number so far."""
        now = self._clock.monotonic()
        self._seen.append((now, handled))
        while len(self._seen) > 2 and now - self._seen[0][0] > _RATE_SECONDS:  # noqa: PLR2004 - a span has two ends
            self._seen.popleft()
        started, before = self._seen[0]
        return (handled - before) / (now - started) if now > started else 0.0


class OutputClosedError(BrokenPipeError):
    """The reader of the demo's output has closed the pipe."""


class _Console(Console):
    def on_broken_pipe(self) -> None:
        # rich would raise SystemExit, which ends the loop before the servers are removed.
        raise OutputClosedError


def make_console() -> Console:
    """Return a console on standard output, wide enough for the tables if that is a file.

    Printing raises OutputClosedError if standard output is a closed pipe.
    """
    console = _Console(highlight=False)
    return console if console.is_terminal else _Console(highlight=False, width=_FILE_WIDTH)


@contextmanager
def live_display(on: Console) -> Iterator[Callable[[Snapshot], None]]:
    """Yield a function that displays a snapshot; the last one stays on the screen."""
    if not on.is_terminal:
        yield _lines(on)
        return
    # Redrawn by the caller, not by rich's thread: everything happens in one event loop.
    with Live(console=on, auto_refresh=False) as live:
        yield lambda snapshot: live.update(render(snapshot, on.size.height), refresh=True)


def _lines(on: Console) -> Callable[[Snapshot], None]:
    printed_at = 0.0

    def display(snapshot: Snapshot) -> None:
        nonlocal printed_at
        if snapshot.seconds - printed_at >= _LINE_SECONDS:
            printed_at = snapshot.seconds
            on.print(_one_line(snapshot), soft_wrap=True)

    return display


def _one_line(snapshot: Snapshot) -> str:
    counts = snapshot.counts
    outcomes = ", ".join(f"{name} {number}" for name, number in counts.outcomes.most_common())
    crossings = snapshot.crossings
    hot = f"; {crossings.became_hot} became hot, last {crossings.last[-1]}" if crossings.last else ""
    return (
        f"{snapshot.seconds:4.0f} s: {counts.handled} of {counts.total} events, {snapshot.per_second:.0f}/s, "
        f"lag {counts.lag}: {outcomes or 'nothing yet'}; messages out {counts.read.total()}{hot}"
    )


def render(snapshot: Snapshot, height: int = 100) -> Group:
    """Return a snapshot as tables, in at most `height` lines."""
    counts = snapshot.counts
    heading = Table.grid(padding=(0, 2), expand=True)
    heading.add_column(no_wrap=True)
    heading.add_column(ratio=1)
    heading.add_column(justify="right", no_wrap=True)
    heading.add_row(
        f"[bold]{counts.handled:,}[/] of {counts.total:,} events",
        ProgressBar(total=counts.total, completed=counts.handled),
        f"[bold]{snapshot.per_second:,.0f}[/] events/s   lag [bold]{counts.lag:,}[/]   {snapshot.seconds:.0f} s",
    )
    tables = [
        _numbers("outcomes", counts.outcomes, [one for one in Outcome if one not in NOT_IN_THE_DEMO]),
        _numbers("verdicts", snapshot.verdicts, list(Verdict)),
        _numbers(
            "messages out",
            {topic.removeprefix(_TOPIC_PREFIX): number for topic, number in counts.read.items()},
            [topic.removeprefix(_TOPIC_PREFIX) for topic in OUTPUT_TOPICS],
        ),
    ]
    parts: list[RenderableType] = [heading, Columns([Panel.fit(table) for table in tables])]
    if snapshot.crossings.last:
        parts.append(_became_hot(snapshot.crossings))
    room = min(MAX_CONTACTS, height - _OTHER_LINES)
    if snapshot.hottest and room > 0:
        parts.append(_hottest(snapshot.hottest[:room]))
    return Group(*parts)


def _numbers(title: str, numbers: Mapping[str, int], names: list[str]) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column()
    table.add_column(justify="right", min_width=6)
    table.add_row(Text(title, style="bold"), "")
    for name in names:
        table.add_row(Text(name, style=COLOURS.get(name, "")), f"{numbers.get(name, 0):,}")
    return table


def _became_hot(crossings: Crossings) -> Text:
    line = (f"{crossings.became_hot:,} became hot", "bold red"), f", last {crossings.last[-1]}"
    return Text.assemble(*line, no_wrap=True, overflow="ellipsis")


def _hottest(contacts: list[HotContact]) -> Table:
    table = Table(
        title="hottest contacts", title_justify="left", title_style="bold", box=None, padding=(0, 1)
    )
    table.add_column("contact", no_wrap=True)
    table.add_column("account", style="dim", no_wrap=True)
    groups = list(dict.fromkeys(group for contact in contacts for group in contact.groups))
    for group in groups:
        table.add_column(group, justify="right")
    table.add_column("overall", justify="right", style="bold")
    table.add_column("band", style="red", no_wrap=True)
    for contact in contacts:
        points = [str(contact.groups.get(group, "")) for group in groups]
        table.add_row(contact.name, contact.account, *points, str(contact.overall), contact.band)
    return table
