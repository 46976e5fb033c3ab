"""Mutants of backfills."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        "old-lines-settled",
        breaks="an event that comes by file is settled",
        test="tests/unit/test_backfill_lines.py::test_an_event_is_what_it_would_have_been_then",
        edits=(
            Edit(
                "consumer/ingest/backfill/dated_event.py",
                old="return msgspec.structs.replace(content, settled=False)",
                new="return content",
            ),
        ),
    ),
    Mutant(
        "lines-of-the-future",
        breaks="a line may be dated at any time to come",
        test="tests/unit/test_backfill_lines.py::test_a_line_that_is_no_event",
        edits=(
            Edit(
                "consumer/ingest/backfill/dated_event.py",
                old="if content.occurred_us <= now_us + LATEST_AFTER_RECORD:",
                new="if content.occurred_us:",
            ),
        ),
    ),
    Mutant(
        "files-out-of-order",
        breaks="of one contact the events of a later file come first",
        test="tests/unit/test_backfill_lines.py::test_property_sorted_by_contact",
        edits=(
            Edit(
                "consumer/ingest/backfill/sorted_events.py",
                old="heapq.merge(*map(_read_file, self._files), self._items, key=_contact)",
                new="heapq.merge(self._items, *map(_read_file, self._files), key=_contact)",
            ),
        ),
    ),
    Mutant(
        "contact-in-two-batches",
        breaks="a batch is filled up with the first events of a contact",
        test="tests/unit/test_backfill_lines.py::test_property_batches",
        edits=(
            Edit(
                "consumer/ingest/backfill/run.py",
                old="            if batch and len(batch) + len(some) > MOST_EVENTS:",
                new="            if len(batch) >= MOST_EVENTS:",
            ),
        ),
    ),
    Mutant(
        "backfill-named-events",
        breaks="the messages of a backfill have the cause `events`",
        test="tests/pipeline/test_backfill.py::test_a_message_for_both_causes",
        edits=(
            Edit(
                "consumer/ingest/backfill/run.py",
                old='Origin("backfill", with_xp)',
                new='Origin("events", with_xp)',
            ),
        ),
    ),
    Mutant(
        "backfill-always-with-xp",
        breaks="reps earn XP by a backfill without XP",
        test="tests/pipeline/test_vectors.py::test_vector[backfill-xp]",
        edits=(
            Edit(
                "consumer/ingest/apply.py",
                old="_xp_worth(one.account, one.event, definition) if with_xp else 0",
                new="_xp_worth(one.account, one.event, definition)",
            ),
        ),
    ),
    Mutant(
        "lost-commit-reported-as-duplicates",
        breaks="events whose COMMIT was not answered are reported as duplicates",
        test="tests/pipeline/test_backfill.py::test_a_cut_at_any_await_leaves_no_trace",
        edits=(
            Edit(
                "consumer/ingest/outside_lanes.py",
                old="before if one.outcome is Outcome.DUPLICATE and before is not None else one",
                new="one",
            ),
        ),
    ),
    Mutant(
        "reread-beyond-the-lanes",
        breaks="records that their lanes have not processed yet are read from the topics too",
        test="tests/kafka/test_backfill_topics.py::test_what_was_unmatched_is_judged_now",
        edits=(
            Edit(
                "consumer/ingest/backfill/from_topics.py",
                old="end = min(lanes[key].next_offset, of_log.end) if key in lanes else 0",
                new="end = of_log.end",
            ),
        ),
    ),
    Mutant(
        "reread-of-all-accounts",
        breaks="the events of other accounts are read from the topics too",
        test="tests/kafka/test_backfill_topics.py::test_what_was_unmatched_is_judged_now",
        edits=(
            Edit(
                "consumer/ingest/backfill/from_topics.py",
                old="if not isinstance(event, Event) or event.account != self.account:",
                new="if not isinstance(event, Event):",
            ),
        ),
    ),
    Mutant(
        "reach-of-whole-logs",
        breaks="a log whose records are all there limits how far back Kafka reaches",
        test="tests/kafka/test_backfill_topics.py::test_what_was_unmatched_is_judged_now",
        edits=(
            Edit(
                "consumer/ingest/backfill/from_topics.py",
                old="if of_log.first > 0 and (oldest",
                new="if (oldest",
            ),
        ),
    ),
    Mutant(
        "backfill-batch-counted-twice",
        breaks="two workers that have read a batch of a backfill both count it",
        test="tests/pipeline/test_backfill_jobs.py::test_two_workers_at_once",
        edits=(
            Edit(
                "sql/queries/backfill.sql",
                old="where p.events = $3 and b.id = $1 and b.ended_at is null\n"
                "for no key update of b, p skip locked",
                new="where (p.events = $3 or true) and b.id = $1 and b.ended_at is null\nfor no key update of b",
            ),
            Edit(
                "sql/queries/backfill.sql",
                old="join backfill_batches p on p.backfill_id = b.id and p.number = $2\n",
                new="left join backfill_batches p on p.backfill_id = b.id and p.number = $2\n",
            ),
        ),
    ),
    Mutant(
        "rest-of-a-batch-lost",
        breaks="the first commit of a batch of a backfill ends the batch",
        test="tests/pipeline/test_backfill_jobs.py::test_a_batch_that_takes_several_commits",
        edits=(
            Edit(
                "consumer/ingest/backfill/steps.py",
                old="left = pack(self._after) if self._after else None",
                new="left = None",
            ),
        ),
    ),
    Mutant(
        "cancelled-backfill-keeps-events",
        breaks="the events of a cancelled backfill stay in the database",
        test="tests/web/test_backfills.py::test_it_is_cancelled_once",
        edits=(
            Edit(
                "sql/queries/backfill.sql",
                old="where backfill_id in (select id from ended)",
                new="where backfill_id in (select id from ended where false)",
            ),
        ),
    ),
    Mutant(
        "events-of-other-accounts-backfilled",
        breaks="a request may bring events of other accounts",
        test="tests/web/test_backfills.py::test_faulty_events_are_refused_as_a_whole",
        edits=(
            Edit(
                "consumer/web/api/catalog/backfills.py",
                old="elif event.account != account:",
                new="elif not event.account:",
            ),
        ),
    ),
    Mutant(
        "topics-read-once",
        breaks="a backfill from the topics ends with the first events that are found",
        test="tests/kafka/test_backfill_topics.py::test_a_worker_carries_it_out",
        edits=(
            Edit(
                "consumer/ingest/backfill/from_topics.py",
                old="return {key: (at[key], past.spans[key][1]) for key in left}",
                new="return {}",
            ),
        ),
    ),
)
