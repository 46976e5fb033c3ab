"""An excerpt of one contact's timeline, with the reason of each verdict; verdicts and points are as stored."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from consumer.demo.screen import COLOURS
from consumer.infra.postgres.connection import fetch_one
from schemas.vocabulary import Per, Policy, Verdict
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import asyncpg

    from consumer.infra.postgres.connection import Connection

_SQL = queries("demo")
# Entries that fit a screen.
_EXCERPT = 16
# Contacts to choose from.
_CANDIDATES = 20
_UNITS = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))

# Greater is better, see best_excerpt.
Rank = tuple[bool, bool, int]


async def sample_timeline(connection: Connection) -> Group | None:
    """Return the most varied excerpt of the most varied timeline; None if there are no entries."""
    best: tuple[Rank, int, int, list[dict[str, Any]]] | None = None
    for row in await connection.fetch(_SQL["varied_contacts"], _CANDIDATES):
        number = row["contact_id"]
        entries = [dict(entry) for entry in await connection.fetch(_SQL["timeline"], number)]
        rank, begin = best_excerpt([entry["verdict"] for entry in entries], overtaken_pairs(entries))
        if best is None or rank > best[0]:
            best = rank, begin, number, entries
    if best is None:
        return None
    _, begin, number, entries = best
    return _render(await fetch_one(connection, _SQL["contact"], number), entries, begin)


def _render(contact: asyncpg.Record, entries: list[dict[str, Any]], begin: int) -> Group:
    excerpt = entries[begin : begin + _EXCERPT]
    parts = dict(zip(contact["groups"] or (), contact["points"] or (), strict=True))
    if beyond := contact["overall"] - sum(parts.values()):
        parts["bounded"] = beyond
    sum_of = " + ".join(f"{part} {points}" for part, points in parts.items())
    table = Table(box=None, padding=(0, 1))
    for name in ("occurred at", "what", "verdict"):
        table.add_column(name, no_wrap=True)
    table.add_column("points", justify="right")
    table.add_column("", style="dim")
    for entry in excerpt:
        table.add_row(
            f"{entry['occurred_at']:%m-%d %H:%M}",
            entry["definition"],
            Text(entry["verdict"], style=COLOURS[Verdict(entry["verdict"])]),
            str(entry["points"]),
            explain(entry),
        )
    name = f"{contact['name']} ({contact['account']}, {contact['id']})"
    return Group(
        Text(f"{name}: overall {contact['overall']} = {sum_of or 0}", style="bold"),
        table,
        Text(
            f"{len(excerpt)} of {len(entries)} timeline entries, newest first; "
            "overtaken: counted until an earlier one arrived late",
            style="dim",
        ),
    )


def best_excerpt(verdicts: list[str], pairs: list[tuple[int, int]]) -> tuple[Rank, int]:
    """Return the rank of the best excerpt and where it begins; pairs: from `overtaken_pairs`.

    Ranked first by holding a whole pair, then its overtaken entry, then by the number of different verdicts.
    """

    def rank(begin: int) -> Rank:
        end = begin + _EXCERPT
        whole = any(begin <= first and second < end for first, second in pairs)
        half = any(begin <= first < end for first, _ in pairs)
        return whole, half, len(set(verdicts[begin:end]))

    begin = max(range(max(1, len(verdicts) - _EXCERPT + 1)), key=rank)
    return rank(begin), begin


def overtaken_pairs(entries: Sequence[Mapping[str, Any]]) -> list[tuple[int, int]]:
    """Return the indexes of each overtaken entry and of the earlier entry that counts in its place."""
    pairs = []
    for index, entry in enumerate(entries):
        if is_overtaken(entry):
            same = (
                other
                for other in range(index + 1, len(entries))
                if entries[other]["verdict"] == Verdict.COUNTED
                and entries[other]["definition"] == entry["definition"]
                and (entry["per"] == Per.CONTACT or entries[other]["object_id"] == entry["object_id"])
            )
            pairs += [(index, other) for other in islice(same, 1)]
    return pairs


def is_overtaken(entry: Mapping[str, Any]) -> bool:
    """Whether the entry counted, with XP, until an earlier event arrived."""
    return bool(entry["verdict"] != Verdict.COUNTED and entry["credit_number"] > 0)


def explain(entry: Mapping[str, Any]) -> str:
    """Return in a few words the reason of the verdict and its effect on the actor's XP."""
    verdict = Verdict(entry["verdict"])
    words = []
    if verdict is Verdict.EXCLUDED:
        words = ["robot event"]
    elif is_overtaken(entry):
        words = [f"overtaken: -{entry['xp_worth']} XP {entry['actor_id']}"]
    elif verdict is Verdict.COUNTED and entry["xp_worth"]:
        words = [f"+{entry['xp_worth']} XP {entry['actor_id']}"]
    elif verdict is not Verdict.COUNTED:
        words = [_rule(entry)]
    return ", ".join([*words, "more than 7 days late"] if entry["settled"] else words)


def _rule(entry: Mapping[str, Any]) -> str:
    per = " per object" if entry["per"] == Per.OBJECT else ""
    if entry["policy"] == Policy.ONCE:
        return f"once{per}"
    seconds = entry["interval_seconds"]
    name, size = next((name, size) for name, size in _UNITS if seconds % size == 0)
    return f"once in {seconds // size}{name}{per}"
