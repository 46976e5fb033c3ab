"""The end of the demo: asks everybody what they found, prints it, and says whether it is as it must be.

Owns collecting the findings and printing. Never compares them: summary.py does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from consumer.demo import screen
from consumer.demo.checks import Findings, checks
from consumer.demo.timeline import telling_timeline
from consumer.scoring.verify import verify
from sql import queries

if TYPE_CHECKING:
    from rich.console import Console

    from consumer.demo.checks import Check
    from consumer.demo.run import Run

_SQL = queries("demo")

_NOTES = (
    "The outcome `gone` comes with deletion, in a later version: contact.deleted is recorded, not carried out.",
    "Cobalt Studio's retention horizon was set by the demo itself, for nothing in this version moves it yet.",
    "The relay ran in plain mode: at least once, repeats recognisable by their ids.",
)


async def closed(run: Run, on: Console) -> bool:
    """Print the closing report and return whether every check holds."""
    with on.status("judging everything again from the stored timeline"):
        found = await _findings(run)
        timeline = await telling_timeline(run.connection)
    if not on.is_terminal:
        # On a terminal the last picture is still there.
        on.print(screen.picture(run.moment()))
    if timeline is not None:
        on.print()
        on.print(timeline)
    on.print()
    rate = found.fed / max(found.seconds, 0.001)
    on.print(f"{found.fed:,} events in {found.seconds:.1f} s: {rate:,.0f} events/s", style="bold")
    made = checks(found)
    for check in made:
        _print(check, on)
    for note in _NOTES:
        on.print(note, style="dim", markup=False)
    if failed := sum(check.failed for check in made):
        on.print(f"engagement demo: {failed} of {len(made)} checks failed", style="bold red")
    return not failed


async def _findings(run: Run) -> Findings:
    reader, counts = run.reader, run.counts
    report = await verify(run.settings.dsn())
    await run.look()
    overall = await run.connection.fetch(_SQL["overall"])
    return Findings(
        fed=counts.fed,
        seconds=run.working_seconds,
        outcomes=counts.outcomes,
        entries=sum(run.verdicts().values()),
        verified=report.entries,
        verdicts=report.verdicts,
        differences=report.differences,
        given=counts.given,
        published=counts.published,
        net_xp=await run.connection.fetchval(_SQL["net_xp"]),
        overall={row["key"]: row["points"] for row in overall},
        read=counts.read.total(),
        repeats=reader.repeats,
        flips=reader.flips,
        reversals=reader.reversals,
        net_xp_told=reader.net_xp,
        overall_told=reader.overall,
    )


def _print(check: Check, on: Console) -> None:
    word, style = ("ok", "green") if check.holds else ("FAILED", "bold red")
    if check.excused:
        word, style = "few events", "yellow"
    on.print(Text.assemble((f"{word:>10}  ", style), check.says))
