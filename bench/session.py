"""One session of measurements: what its measures share, and how they show what they found."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from bench import runs
from bench.base import based
from bench.oracle import Expected
from bench.plain_oracle import PlainExpected
from bench.traffic import USUAL, draw, lay
from consumer.infra.telemetry.progress_bar import show_progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bench.figures import Figures
    from bench.servers import Servers
    from bench.traffic import Sent, Shape

SEED = 7

console = Console()


@dataclass(frozen=True, slots=True)
class Laid:
    """A traffic in topics of its own: their prefix, the number of records, and what these must lead to."""

    prefix: str
    records: int
    expected: Expected
    plain: PlainExpected


@dataclass
class Bench:
    """What all measures share.

    rates: events per second for latency. contacts: of the base. results: what goes into latest.json.
    """

    servers: Servers
    events: int
    repeats: int
    rates: Sequence[int]
    contacts: int
    results: dict[str, Any] = field(default_factory=dict)
    _laid: dict[str, Laid] = field(default_factory=dict)
    _base: str | None = None

    async def base(self) -> str:
        """Return the database with so many contacts, made once; measures work on copies of it."""
        if self._base is None:
            console.print(f"storing {self.contacts:,} contacts …", style="dim")
            self._base = await based(self.servers, self.contacts)
        return self._base

    async def laid(self, name: str, shape: Shape = USUAL, events: int | None = None) -> Laid:
        """Lay a traffic into topics of its own, once."""
        if name not in self._laid:
            records = events or self.events
            console.print(f"laying {name} …", style="dim")
            laid = Laid(f"{name}-", records, Expected(), PlainExpected())
            await self.servers.topics(laid.prefix)
            with show_progress(name, records) as progress:
                await lay(self.servers.bootstrap, laid.prefix, _noted(laid, shape, progress))
            laid.expected.judge()
            self._laid[name] = laid
        return self._laid[name]

    async def worker(self, laid: Laid, *, checked: bool = True, **options: Any) -> Figures:
        """Let a worker process a traffic; options: of `runs.subject`. checked: that it did so rightly."""
        expected = laid.expected if checked else None
        return await runs.subject(self.servers, laid.prefix, expected, laid.records, **options)

    def note_memory(self, size: int) -> float:
        """Remember the most memory of a worker in this session; return this one's in MiB."""
        mebibytes = size / (1 << 20)
        self.results["rss_mib"] = max(mebibytes, self.results.get("rss_mib", 0))
        return mebibytes


def _noted(laid: Laid, shape: Shape, progress: Callable[[int], None]) -> Iterator[Sent]:
    """Draw a traffic and note what it must lead to, a record at a time: a million need no room."""
    for number, sent in enumerate(draw(SEED, laid.records, shape)):
        laid.expected.add(sent)
        laid.plain.add(sent)
        if number % 1000 == 0:
            progress(number)
        yield sent


def show(what: str, unit: str, values: Sequence[float], digits: int = 0) -> None:
    """Print minimum, median and maximum."""
    table = Table(show_header=True, box=None, title=what, title_justify="left")
    for column in ("min", "median", "max", "runs"):
        table.add_column(column, justify="right")
    shown = [f"{pick(values):,.{digits}f} {unit}" for pick in (min, statistics.median, max)]
    table.add_row(*shown, str(len(values)))
    console.print(table)


def listed(figures: Mapping[str, float]) -> str:
    """Return figures with their names, on one line."""
    return ", ".join(f"{name} {figure:,.0f}" for name, figure in figures.items())
