"""Mutants of batches, lanes and locks."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        "claim-dropped",
        breaks="applied event keys are not remembered",
        test="tests/pipeline/test_claims.py::test_a_key_is_remembered",
        edits=(
            Edit(
                "consumer/ingest/apply.py",
                old="claim_and_lock(connection, claims.new, people)",
                new="claim_and_lock(connection, [], people)",
            ),
        ),
    ),
    Mutant(
        "epoch-not-checked",
        breaks="a batch moves a lane that another pipeline holds, if the offset agrees",
        test="tests/pipeline/test_two_workers.py::test_a_lane_taken_over_at_the_same_offset",
        edits=(
            Edit(
                "sql/queries/batch.sql",
                old="where l.epoch = asked.epoch and l.next_offset = asked.from_offset",
                new="where l.next_offset = asked.from_offset",
            ),
        ),
    ),
    Mutant(
        "head-taken-first",
        breaks="a batch locks the outbox heads when it begins",
        test="tests/pipeline/test_two_workers.py::test_heads_are_taken_last",
        edits=(
            Edit(
                "sql/queries/revision_lock.sql",
                old="set local lock_timeout = {session}",
                new="set local lock_timeout = {session};"
                " select from outbox_heads order by shard for no key update",
            ),
        ),
    ),
    Mutant(
        "read-before-lock",
        breaks="a batch reads a contact's scores and gates without the contact's lock",
        test="tests/pipeline/test_two_workers.py::test_who_waited_for_a_contact_judges_by_what_was_left",
        edits=(
            Edit(
                "sql/queries/batch.sql",
                old="else they would be claimed after it\norder by c.id\nfor no key update of c\n",
                new="else they would be claimed after it\norder by c.id\n",
            ),
        ),
    ),
    Mutant(
        "decoded-ahead-goes-first",
        breaks="a batch decoded ahead is processed although its lane was assigned anew",
        test="tests/kafka/test_lane_recovery.py::test_what_was_decoded_ahead_waits_for_what_comes_before",
        edits=(
            Edit(
                "consumer/ingest/pipeline.py",
                old="if fetched is None or not fetched.records or fetched.generation != source.generation:",
                new="if fetched is None or not fetched.records:",
            ),
        ),
    ),
)
