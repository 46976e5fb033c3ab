"""The oracle's state in the shape of `expect` in tests/vectors.yaml.

Owns that shape. Never computes anything that the oracle does not hold.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from tests.oracle.messages import XpCredited, label

if TYPE_CHECKING:
    from tests.oracle.oracle import Oracle


def as_expected(oracle: Oracle, account: str) -> dict[str, Any]:
    """Show everything so far of one account (outcomes: of all of them).

    A tally of 0 and a contact without messages are not there; without any, bands and crossings are not.
    """
    primary = oracle.accounts[account].primary.key
    expected = {
        "outcomes": list(oracle.outcomes),
        "verdicts": _verdicts(oracle, account),
        "tallies": _tallies(oracle, account),
        "scores": {
            contact: score
            for (key, profile, contact), score in oracle.scores.items()
            if (key, profile) == (account, primary)
        },
        "score_messages": dict(
            Counter(
                message.contact
                for message in oracle.messages
                if (message.account, message.profile) == (account, primary)
            )
        ),
        "xp": [_xp(message) for message in oracle.xp if message.account == account],
        "bands": {
            contact: bands
            for (key, profile, contact), bands in oracle.bands.items()
            if (key, profile) == (account, primary) and bands
        },
        "crossings": _crossings(oracle, account, primary),
    }
    return {name: value for name, value in expected.items() if value or name not in ("bands", "crossings")}


def _verdicts(oracle: Oracle, account: str) -> dict[str, dict[str, str]]:
    verdicts: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for entry in oracle.timeline:
        if entry.event.account == account and not entry.purged:
            verdicts[entry.definition][label(entry.event.source, entry.event.id)] = entry.verdict
    return dict(verdicts)


def _tallies(oracle: Oracle, account: str) -> dict[str, dict[str, int]]:
    tallies: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for (key, contact, definition, _edition), tally in oracle.tallies.items():
        if key == account:
            tallies[contact][definition] += tally
    return {contact: dict(counts) for contact, counts in tallies.items()}


def _crossings(oracle: Oracle, account: str, profile: str) -> dict[str, list[str]]:
    crossings: defaultdict[str, list[str]] = defaultdict(list)
    for one in oracle.band_changes:
        if (one.message.account, one.message.profile) == (account, profile):
            crossings[one.message.contact].append(crossing(one.group, one.previous, one.current))
    return dict(crossings)


def crossing(group: str | None, previous: str | None, current: str) -> str:
    """Name a crossing as vectors.yaml does."""
    return f"{group + ': ' if group else ''}{previous} > {current}"


def _xp(message: XpCredited) -> dict[str, Any]:
    return {
        "after": message.after,
        "event": label(message.event.source, message.event.id),
        "definition": message.definition,
        "actor": message.actor,
        "K": message.number,
        "amount": message.amount,
        "reverses": message.reverses,
    }
