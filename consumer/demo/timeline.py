"""One contact's timeline for people: the part of it that tells most, and why each verdict is what it is.

Owns choosing and wording. Never judges: verdicts and points are as stored.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from consumer.demo.screen import COLOURS
from consumer.infra.postgres.connection import fetch_one
from schemas.names import Per, Policy, Verdict
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import asyncpg

    from consumer.infra.postgres.connection import Connection

_SQL = queries("demo")
# Entries that fit a screen.
_SHOWN = 16
# Contacts looked at.
_CONTACTS = 20
_UNITS = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))

Worth = tuple[bool, bool, int]


async def telling_timeline(connection: Connection) -> Group | None:
    """Return the most telling part of the most telling timeline, None where there is no entry at all."""
    best: tuple[Worth, int, int, list[dict[str, Any]]] | None = None
    for row in await connection.fetch(_SQL["telling_contacts"], _CONTACTS):
        number = row["contact_id"]
        entries = [dict(entry) for entry in await connection.fetch(_SQL["timeline"], number)]
        worth, begin = most_telling([entry["verdict"] for entry in entries], overtakings(entries))
        if best is None or worth > best[0]:
            best = worth, begin, number, entries
    if best is None:
        return None
    _, begin, number, entries = best
    return _shown(await fetch_one(connection, _SQL["contact"], number), entries, begin)


def _shown(contact: asyncpg.Record, entries: list[dict[str, Any]], begin: int) -> Group:
    shown = entries[begin : begin + _SHOWN]
    groups = zip(contact["groups"] or (), contact["points"] or (), strict=True)
    sum_of = " + ".join(f"{group} {points}" for group, points in groups)
    table = Table(box=None, padding=(0, 1))
    for name in ("occurred at", "what", "verdict"):
        table.add_column(name, no_wrap=True)
    table.add_column("points", justify="right")
    table.add_column("", style="dim")
    for entry in shown:
        table.add_row(
            f"{entry['occurred_at']:%m-%d %H:%M}",
            entry["definition"],
            Text(entry["verdict"], style=COLOURS[Verdict(entry["verdict"])]),
            str(entry["points"]),
            why(entry),
        )
    name = f"{contact['name']} ({contact['account']}, {contact['id']})"
    return Group(
        Text(f"{name}: overall {contact['overall']} = {sum_of or 0}", style="bold"),
        table,
        Text(
            f"{len(shown)} of {len(entries)} timeline entries, newest first; "
            "overtaken: counted until an earlier one arrived late",
            style="dim",
        ),
    )


def most_telling(verdicts: list[str], pairs: list[tuple[int, int]]) -> tuple[Worth, int]:
    """Return what the best part to be shown is worth and where it begins; pairs: as of `overtakings`.

    Worth most is a whole pair, then the one of it that lost, then how many kinds of verdicts there are.
    """

    def worth(begin: int) -> Worth:
        end = begin + _SHOWN
        whole = any(begin <= first and second < end for first, second in pairs)
        half = any(begin <= first < end for first, _ in pairs)
        return whole, half, len(set(verdicts[begin:end]))

    begin = max(range(max(1, len(verdicts) - _SHOWN + 1)), key=worth)
    return worth(begin), begin


def overtakings(entries: Sequence[Mapping[str, Any]]) -> list[tuple[int, int]]:
    """Return the places of each entry that was taken back and of the earlier one that counts in its stead."""
    pairs = []
    for place, entry in enumerate(entries):
        if taken_back(entry):
            same = (
                other
                for other in range(place + 1, len(entries))
                if entries[other]["verdict"] == Verdict.COUNTED
                and entries[other]["definition"] == entry["definition"]
                and (entry["per"] == Per.CONTACT or entries[other]["object_id"] == entry["object_id"])
            )
            pairs += [(place, other) for other in islice(same, 1)]
    return pairs


def taken_back(entry: Mapping[str, Any]) -> bool:
    """Tell whether the entry had counted, with XP, until an earlier event arrived."""
    return bool(entry["verdict"] != Verdict.COUNTED and entry["credit_number"] > 0)


def why(entry: Mapping[str, Any]) -> str:
    """Return in a few words what the verdict comes from and what it meant for the actor's XP."""
    verdict = Verdict(entry["verdict"])
    words = []
    if verdict is Verdict.EXCLUDED:
        words = ["a robot's"]
    elif taken_back(entry):
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
