"""What Hypothesis draws for the laws: catalogs and their changes, events that collide, batches, and turns.

Owns what is likely: few contacts and objects, times on a grid of which intervals are multiples, so that ties and
exact borders abound. Never runs anything.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from hypothesis import strategies as st

from tests.builders.events import by_file
from tests.oracle import OracleRecord
from tests.pipeline.catalog_strategies import ACCOUNTS, changes, first_documents

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WORKERS: Final = 2
# Of the laws of joins and deletions: ids of contacts, and of anonymous ones.
KNOWN: Final = ("ann", "bob", "cem")
ANONYMOUS: Final = ("anonymous:1", "anonymous:2")
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
# The time between two ticks: a short policy, a day's work, and something that spans months.
STEPS = (SECOND, timedelta(minutes=10), timedelta(hours=6), DAY)
# Beside the end of a month. One lies before every window in which claims are remembered, one within it.
EPOCHS = (datetime(2001, 2, 26, tzinfo=UTC), datetime(2090, 2, 26, tzinfo=UTC))
# How many steps there are: few make ties, many leave room for policies to count again.
TICKS = (2, 5, 12)
ODD = timedelta(microseconds=1)

ORDINARY = (timedelta(0), SECOND, timedelta(hours=1), 5 * DAY, 7 * DAY)
SETTLED = (7 * DAY + timedelta(milliseconds=1), 30 * DAY)

# What a batch holds at most keeps 30 events from fitting into fewer than three.
SIZES = (1, 3, 6, 10, 14)
# The same events once more need not take as long.
LARGE = (4, 8, 14)


@dataclass(frozen=True)
class Batch:
    """Records that one worker commits together, of its lane or `backfilled` by file."""

    worker: int
    records: tuple[OracleRecord, ...]
    backfilled: bool = False


@dataclass(frozen=True)
class Chapter:
    """Documents, applied one after another while no worker runs, and the batches under them.

    carries_out: joins and deletions, after the batches. carriers: how many carry them out beside the batches.
    acts: what is done after all that.
    turns: the worker or carrier that goes on at each statement border, taken again and again from its beginning.
    """

    documents: tuple[dict[str, Any], ...]
    batches: tuple[Batch, ...]
    turns: tuple[int, ...]
    carries_out: bool = False
    carriers: int = 0
    acts: tuple[Act, ...] = ()


@dataclass(frozen=True)
class Purge:
    """The purge of what an account has before a horizon."""

    account: str
    horizon: datetime


@dataclass(frozen=True)
class Rejudge:
    """A rejudgement of a definition's history, with XP."""

    account: str
    definition: str


@dataclass(frozen=True)
class Adjust:
    """Points given by hand. number: of no other adjustment."""

    account: str
    contact: str
    profile: str
    group: str
    points: int
    number: int


Act: TypeAlias = "Purge | Rejudge | Adjust"


@dataclass(frozen=True)
class Happening:
    """One event as drawn. tick: its time in steps; odd: microseconds beside that; delay: of its record."""

    account: int
    contact: str
    type: str
    tick: int
    odd: int
    delay: timedelta
    actor: tuple[str | None, str | None]
    object: str | None
    robot: bool
    data: str | None


ACTORS = [*[("r1", "rep"), ("r2", "rep")] * 3, ("ann", "contact"), (None, None), (None, "rep")]
TYPES = ["deal.won"] * 5 + ["deal.lost"] * 3 + ["message.sent"] * 2 + ["visit.made"]


def happenings(ticks: int, delays: Sequence[timedelta]) -> st.SearchStrategy[Happening]:
    """Draw an event; `delays`: how long before its record it may be dated."""
    return st.builds(
        Happening,
        account=st.integers(0, len(ACCOUNTS) - 1),
        contact=st.sampled_from(["ann", "ann", "bob"]),
        type=st.sampled_from(TYPES),
        tick=st.integers(0, ticks),
        odd=st.sampled_from([0, 0, 0, 0, 1, -1]),
        delay=st.sampled_from(list(delays)),
        actor=st.sampled_from(ACTORS),
        object=st.sampled_from([None, "o1", "o2"]),
        robot=st.sampled_from([False] * 9 + [True]),
        data=st.sampled_from([None, '{"amount": 100}', '{"amount":99.5}']),
    )


@st.composite
def arrivals(
    draw: st.DrawFn, step: timedelta, delays: Sequence[timedelta], fewest: int, most: int
) -> list[OracleRecord]:
    """Draw at least `fewest` events in their order of arrival, in between some of them again, and tombstones."""
    epoch = draw(st.sampled_from(EPOCHS))
    ticks = draw(st.sampled_from(TICKS))
    drawn = draw(st.lists(happenings(ticks, delays), min_size=fewest, max_size=most))
    records = [record_of(happening, f"e{number}", epoch, step) for number, happening in enumerate(drawn)]
    place = st.integers(0, fewest - 1)
    for original, distance, elsewhere in draw(st.lists(st.tuples(place, place, st.booleans()), max_size=8)):
        again = records[original]
        if elsewhere:
            again = replace(again, accountid=next(each for each in ACCOUNTS if each != again.accountid))
        records.insert(min(original + 1 + distance, len(records)), again)
    for number in draw(st.lists(place, max_size=2)):
        records.insert(number, replace(records[number], tombstone=True))
    return records


def record_of(drawn: Happening, name: str, epoch: datetime, step: timedelta) -> OracleRecord:
    """Return an event as the record it is."""
    occurred_at = epoch + drawn.tick * step + drawn.odd * ODD
    timestamp = occurred_at + drawn.delay
    timestamp -= timedelta(microseconds=timestamp.microsecond % 1000)
    # Dated by its record, for once, where that says the same.
    dated_by_record = drawn.odd == 0 and drawn.delay == timedelta(0)
    return OracleRecord(
        id=name,
        source="/crm",
        type=drawn.type,
        subject=drawn.contact,
        time=None if dated_by_record else occurred_at.isoformat(),
        accountid=ACCOUNTS[drawn.account],
        actorid=drawn.actor[0],
        actortype=drawn.actor[1],
        objectid=drawn.object,
        robot=drawn.robot or None,
        data=drawn.data,
        timestamp=timestamp,
    )


@st.composite
def batches(draw: st.DrawFn, records: Sequence[OracleRecord], sizes: Sequence[int]) -> list[Batch]:
    """Cut records into batches and deal these out among the workers; some of them come by file."""
    dealt = []
    begin = 0
    while begin < len(records):
        end = begin + draw(st.sampled_from(list(sizes)))
        worker, some = draw(st.integers(0, WORKERS - 1)), tuple(records[begin:end])
        backfilled = draw(st.sampled_from([False, False, True])) and all(map(_may_come_by_file, some))
        dealt.append(Batch(worker, tuple(map(by_file, some)) if backfilled else some, backfilled))
        begin = end
    return dealt


def _may_come_by_file(record: OracleRecord) -> bool:
    return record.time is not None and not record.tombstone


turns = st.lists(st.integers(0, WORKERS - 1), min_size=4, max_size=24).map(tuple)


@st.composite
def histories(
    draw: st.DrawFn,
    delays: Sequence[timedelta] = ORDINARY,
    sizes: Sequence[int] = SIZES,
    fewest: int = 30,
    most: int = 42,
) -> list[Chapter]:
    """Draw two accounts' history in two or three chapters, between which their catalogs change."""
    step = draw(st.sampled_from(STEPS))
    dealt = draw(batches(draw(arrivals(step, delays, fewest, most)), sizes))
    ends = sorted(draw(st.lists(st.integers(1, len(dealt) - 1), min_size=1, max_size=2, unique=True)))
    documents = [draw(first_documents(step))]
    for _ in ends:
        documents.append(draw(changes(step, documents)))
    return [
        Chapter(tuple(named), tuple(dealt[begin:end]), draw(turns))
        for named, begin, end in zip(documents, [0, *ends], [*ends, len(dealt)], strict=True)
    ]


@st.composite
def rearranged(draw: st.DrawFn, history: Sequence[Chapter], rename: Callable[[str], str]) -> list[Chapter]:
    """Draw another order and other batches for the records of each chapter, in accounts of other names."""
    chapters = []
    for chapter in history:
        records = [record for batch in chapter.batches for record in batch.records]
        moved = [
            replace(record, accountid=rename(str(record.accountid)))
            for record in draw(st.permutations(records))
        ]
        documents = [{**document, "account": rename(document["account"])} for document in chapter.documents]
        chapters.append(Chapter(tuple(documents), tuple(draw(batches(moved, LARGE))), draw(turns)))
    return chapters
