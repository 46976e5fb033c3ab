"""How much work it is to verify one contact: counted in reads of its entries, so that no clock decides."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from consumer.domain.verdict_rule import Edition, TimelineEntry, wrong_verdicts
from schemas.vocabulary import Per, Policy, Verdict

_FIRST = datetime(2026, 1, 1, tzinfo=UTC)
_HOUR = timedelta(hours=1)
_FEW = 500


class _CountedEntry(TimelineEntry):
    """An entry that counts how often any of its members is read, by an equality test too."""

    reads = 0

    def __getattribute__(self, name: str) -> Any:
        _CountedEntry.reads += 1
        return super().__getattribute__(name)


def _reads(number: int, edition: Edition, *, settled: bool, of_an_edition: int, step: timedelta) -> int:
    """Return the reads of verifying so many entries. of_an_edition: entries until the next edition begins."""
    entries = [
        _CountedEntry(
            _FIRST + place * step,
            place.to_bytes(16, "big"),
            1 + place // of_an_edition,
            f"object-{place % (number // 5)}",
            settled,
            Verdict.COUNTED,
        )
        for place in range(number)
    ]
    editions = dict.fromkeys(range(1, 2 + number // of_an_edition), edition)
    _CountedEntry.reads = 0
    wrong_verdicts(entries, editions)
    return _CountedEntry.reads


@pytest.mark.parametrize("policy", Policy)
@pytest.mark.parametrize("per", Per)
@pytest.mark.parametrize("settled", [False, True], ids=["ordinary", "settled"])
@pytest.mark.parametrize("of_an_edition", [10 * _FEW, 50], ids=["one-edition", "many-editions"])
@pytest.mark.parametrize("step", [2 * _HOUR, _HOUR / 4], ids=["right", "wrong"])
def test_four_times_the_entries_are_four_times_the_work(
    policy: Policy, per: Per, settled: bool, of_an_edition: int, step: timedelta
) -> None:
    """Verifying is linear in one contact's entries: under every policy, with any number of editions and faults."""
    edition = Edition(policy, _HOUR if policy is Policy.COOLDOWN else timedelta(0), per)
    few, many = (
        _reads(number, edition, settled=settled, of_an_edition=of_an_edition, step=step)
        for number in (_FEW, 4 * _FEW)
    )
    assert few >= _FEW
    assert many <= 4.5 * few
