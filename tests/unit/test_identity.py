"""Which contacts mean one person, and what deletions take away: docs/semantics.md §8, by hand."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from consumer.domain.identity import Deletion, Join, deletions_that_hold, hash_of, links_of, survivor_of

ANN, BOB, CEM, DAN = 1, 2, 3, 4
NAMES = {ANN: "ann", BOB: "bob", CEM: "cem", DAN: "dan"}


def _at(hour: int) -> datetime:
    return datetime(2026, 3, 2, hour, tzinfo=UTC)


def _join(contact: int, into: int, hour: int, *, key: bytes = b"k", by_identify: bool = False) -> Join:
    return Join(contact, into, (_at(hour), key), by_identify)


def test_the_first_identify_holds() -> None:
    """Of several identifies the least by time, then event key, holds, and before any other join (8.1, 8.3)."""
    joins = [
        _join(ANN, BOB, 11, by_identify=True),
        _join(ANN, CEM, 10, key=b"b", by_identify=True),
        _join(ANN, DAN, 10, key=b"c", by_identify=True),
        _join(ANN, DAN, 9),
    ]
    assert links_of(joins) == links_of(joins[::-1]) == {ANN: CEM}


def test_the_latest_merge_holds() -> None:
    """Of several merges the latest by time, then event key, holds (8.7); one into itself leads nowhere."""
    joins = [_join(ANN, BOB, 10, key=b"a"), _join(ANN, CEM, 10, key=b"b"), _join(ANN, DAN, 9)]
    assert links_of(joins) == links_of(joins[::-1]) == {ANN: CEM}
    assert links_of([*joins, _join(ANN, ANN, 12)]) == {}


@pytest.mark.parametrize(
    ("links", "survivors"),
    [
        ({}, [ANN, BOB, CEM, DAN]),
        ({ANN: BOB, BOB: CEM}, [CEM, CEM, CEM, DAN]),
        # A circle ends at its least id (8.8), for those that lead into it too.
        ({BOB: CEM, CEM: BOB}, [ANN, BOB, BOB, DAN]),
        ({DAN: CEM, CEM: BOB, BOB: CEM}, [ANN, BOB, BOB, BOB]),
    ],
)
def test_chains_and_circles(links: dict[int, int], survivors: list[int]) -> None:
    """A contact means the one at the end of its links."""
    assert [survivor_of(one, links, erased=(), names=NAMES) for one in NAMES] == survivors


def test_no_link_leads_to_or_from_an_erased_contact() -> None:
    """The chain ends before it (8.36)."""
    links = {ANN: BOB, BOB: CEM}
    assert [survivor_of(one, links, erased={CEM}, names=NAMES) for one in NAMES] == [BOB, BOB, CEM, DAN]
    assert [survivor_of(one, links, erased={BOB}, names=NAMES) for one in NAMES] == [ANN, BOB, CEM, DAN]


def test_a_deletion_holds_where_joins_dated_before_it_led() -> None:
    """For the id that it names (8.25), and for ids that had led to that id by then (8.26)."""
    joins = [_join(ANN, BOB, 9), _join(BOB, CEM, 11), _join(DAN, BOB, 10)]
    deletions = [Deletion(BOB, _at(10))]
    assert deletions_that_hold(joins, deletions) == {ANN: _at(10), BOB: _at(10)}
    deletions.append(Deletion(CEM, _at(12)))
    assert deletions_that_hold(joins, deletions) == dict.fromkeys(NAMES, _at(12))


def test_an_id_cannot_be_read_from_its_hash() -> None:
    """The same id has another hash in another account and another installation."""
    assert len({hash_of(salt, account, "ann") for salt in (b"1", b"2") for account in (1, 2)}) == 4
