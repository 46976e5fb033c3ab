"""The end of the demo: collects what each part counted, prints a contact's timeline and the checks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from consumer.demo import screen
from consumer.demo.checks import Findings, checks
from consumer.demo.sample_timeline import sample_timeline
from consumer.infra.postgres.connection import fetch_one
from consumer.scoring.verify import verify
from sql import queries

if TYPE_CHECKING:
    from rich.console import Console

    from consumer.demo.checks import Check
    from consumer.demo.run_state import DemoRun

_SQL = queries("demo")

_NOTES = (
    "The demo set Cobalt Studio's horizon itself, in place of a retention period.",
    "The relay ran in plain mode: at least once, with repeats recognisable by their ids.",
)


async def check_and_print(run: DemoRun, on: Console) -> bool:
    """Print the final report and return whether every check holds."""
    with on.status("recomputing everything from the stored timeline"):
        findings = await _collect(run)
        timeline = await sample_timeline(run.connection)
    if not on.is_terminal:
        # A terminal still shows the last picture.
        on.print(screen.render(run.snapshot()))
    if timeline is not None:
        on.print()
        on.print(timeline)
    if last := run.reader.crossings.last:
        on.print()
        on.print("Became hot last, by engagement.band-changed:", style="bold")
        for hot in last:
            on.print(f"  {hot}", markup=False)
    on.print()
    rate = findings.fed / max(findings.seconds, 0.001)
    on.print(f"{findings.fed:,} events in {findings.seconds:.1f} s: {rate:,.0f} events/s", style="bold")
    results = checks(findings)
    for check in results:
        _print(check, on)
    for note in _NOTES:
        on.print(note, style="dim", markup=False)
    if failed := sum(check.failed for check in results):
        on.print(f"engagement demo: {failed} of {len(results)} checks failed", style="bold red")
    return not failed


async def _collect(run: DemoRun) -> Findings:
    reader, counts = run.reader, run.counts
    report = await verify(run.settings.dsn())
    await run.refresh()
    overall = await run.connection.fetch(_SQL["overall"])
    taken = await fetch_one(run.connection, _SQL["taken"])
    return Findings(
        fed=counts.fed,
        seconds=run.working_seconds,
        outcomes=counts.outcomes,
        entries=sum(run.verdicts().values()),
        taken=taken["entries"],
        verified=report.entries,
        verdicts=report.verdicts,
        differences=report.differences,
        enqueued=counts.enqueued,
        published=counts.published,
        net_xp=await run.connection.fetchval(_SQL["net_xp"]) + taken["xp"],
        overall={row["key"]: row["points"] for row in overall},
        bands={row["key"]: row["band"] for row in overall},
        read=counts.read.total(),
        repeats=reader.repeats,
        flips=reader.flips,
        reversals=reader.reversals,
        became_hot=reader.crossings.became_hot,
        net_xp_read=reader.net_xp,
        overall_read=reader.overall,
        bands_read=reader.crossings.bands,
    )


def _print(check: Check, on: Console) -> None:
    word, style = ("ok", "green") if check.holds else ("FAILED", "bold red")
    if check.excused:
        word, style = "few events", "yellow"
    on.print(Text.assemble((f"{word:>10}  ", style), check.text))
