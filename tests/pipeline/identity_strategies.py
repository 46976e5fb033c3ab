"""What Hypothesis draws for the laws of joins and deletions: events of a few ids that are joined and deleted.

Owns what is likely: joins that make chains and circles, in any order of arrival, and deletions among them.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from tests.oracle import OracleRecord
from tests.pipeline.catalog_strategies import ACCOUNTS, KEYS, changes, first_documents, groups
from tests.pipeline.strategies import (
    ANONYMOUS,
    EPOCHS,
    KNOWN,
    ODD,
    ORDINARY,
    STEPS,
    WORKERS,
    Adjust,
    Chapter,
    Purge,
    Rejudge,
    batches,
    happenings,
    record_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime, timedelta

    from tests.pipeline.strategies import Act

_TICKS = 8
_IDENTIFIES = ("track.identify", "track.alias")
MOST_CARRIERS = 2
# Each worker has a turn: those who carry out go on for as long as one has not ended.
_turns = st.lists(st.integers(0, WORKERS + MOST_CARRIERS - 1), min_size=4, max_size=24).map(
    lambda drawn: (*drawn, *range(WORKERS))
)
_carriers = st.integers(0, MOST_CARRIERS)


@st.composite
def _fact(draw: st.DrawFn, name: str, epoch: datetime, step: timedelta) -> OracleRecord:
    """Draw what an event says about a contact."""
    account = draw(st.sampled_from(["north", "north", "south"]))
    type_ = draw(
        st.sampled_from(
            ["contact.merged"] * 3
            + ["track.identify", "track.alias"]
            + ["contact.deleted"] * 2
            + ["contact.upserted"] * 3
        )
    )
    subject = draw(st.sampled_from(ANONYMOUS if type_ in _IDENTIFIES else KNOWN + ANONYMOUS))
    data: dict[str, Any] = {}
    if type_ == "contact.merged" or type_ in _IDENTIFIES:
        data = {"into": draw(st.sampled_from([*KNOWN, *KNOWN, *ANONYMOUS, None]))}
    elif type_ == "contact.upserted":
        data = draw(
            st.dictionaries(st.sampled_from(["name", "email"]), st.sampled_from(["A", "B", "C"]), max_size=2)
        )
    occurred_at = epoch + draw(st.integers(0, _TICKS)) * step + draw(st.sampled_from([0, 0, 1])) * ODD
    timestamp = occurred_at.replace(microsecond=0)
    return OracleRecord(
        id=name,
        source="/crm",
        type=type_,
        subject=subject,
        time=occurred_at.isoformat(),
        accountid=account,
        data=json.dumps(data),
        timestamp=timestamp,
    )


@st.composite
def lives(draw: st.DrawFn, *, with_deletions: bool = True, with_acts: bool = False) -> list[Chapter]:
    """Draw the lives of a few contacts in chapters; joins and deletions are carried out within and after some.

    with_acts: purges, rejudgements and adjustments follow. The horizons of purges never move back.
    """
    step = draw(st.sampled_from(STEPS))
    epoch = draw(st.sampled_from(EPOCHS))
    events = draw(st.lists(happenings(_TICKS, ORDINARY), min_size=12, max_size=22))
    records = [
        replace(
            record_of(event, f"e{number}", epoch, step),
            subject=draw(st.sampled_from(KNOWN + ANONYMOUS)),
            accountid=draw(st.sampled_from(["north", "north", "south"])),
        )
        for number, event in enumerate(events)
    ]
    for number in range(draw(st.integers(3, 9))):
        fact = draw(_fact(f"f{number}", epoch, step))
        if with_deletions or fact.type != "contact.deleted":
            records.insert(draw(st.integers(0, len(records))), fact)
    dealt = draw(batches(records, (1, 3, 6)))
    ends = sorted(draw(st.lists(st.integers(1, len(dealt) - 1), min_size=1, max_size=3, unique=True)))
    documents = [draw(first_documents(step))]
    for _ in ends:
        documents.append(draw(st.one_of(st.just([]), changes(step, documents))))
    carried_out = [draw(st.booleans()) for _ in ends]
    horizons = sorted(epoch + draw(st.integers(0, _TICKS)) * step for _ in documents)
    acts = [draw(_acts(number, horizon)) if with_acts else () for number, horizon in enumerate(horizons)]
    return [
        Chapter(tuple(named), tuple(dealt[begin:end]), draw(_turns), carries_out, draw(_carriers), done)
        for named, begin, end, carries_out, done in zip(
            documents, [0, *ends], [*ends, len(dealt)], [*carried_out, True], acts, strict=True
        )
    ]


@st.composite
def _acts(draw: st.DrawFn, chapter: int, horizon: datetime) -> tuple[Act, ...]:
    """Draw what is done after a chapter: a purge up to a horizon perhaps, rejudgements and adjustments."""
    rejudgements = st.builds(Rejudge, st.sampled_from(ACCOUNTS), st.sampled_from(KEYS))
    acts: list[Act] = draw(st.lists(rejudgements, max_size=5))
    for number in range(draw(st.integers(0, 2))):
        adjustment = st.builds(
            Adjust,
            account=st.sampled_from(ACCOUNTS),
            contact=st.sampled_from(KNOWN + ANONYMOUS),
            profile=st.sampled_from(["lead_score", "second"]),
            group=groups,
            points=st.sampled_from([7, -3]),
            number=st.just(10 * chapter + number),
        )
        acts.append(draw(adjustment))
    if draw(st.booleans()):
        acts.append(Purge("north", horizon))
    return tuple(draw(st.permutations(acts)))


@st.composite
def rearranged_lives(
    draw: st.DrawFn, history: Sequence[Chapter], rename: Callable[[str], str]
) -> list[Chapter]:
    """Draw another order and other batches of each chapter in accounts of other names; carry out at the end."""
    chapters = []
    for number, chapter in enumerate(history, start=1):
        records = [record for batch in chapter.batches for record in batch.records]
        moved = [
            replace(record, accountid=rename(str(record.accountid)))
            for record in draw(st.permutations(records))
        ]
        documents = [{**document, "account": rename(document["account"])} for document in chapter.documents]
        is_last = number == len(history)
        chapters.append(
            Chapter(
                tuple(documents),
                tuple(draw(batches(moved, (2, 5, 9)))),
                draw(_turns),
                is_last or draw(st.booleans()),
                draw(_carriers),
            )
        )
    return chapters
