"""Mutants of joins and deletions."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        "latest-identify-holds",
        breaks="a later identify moves the join, not an earlier one",
        test="tests/unit/test_identity.py::test_the_first_identify_holds",
        edits=(
            Edit(
                "consumer/domain/identity.py",
                old="    return join.order < held.order if join.by_identify else join.order > held.order\n",
                new="    return join.order > held.order\n",
            ),
        ),
    ),
    Mutant(
        "erased-ids-lead-on",
        breaks="links to erased contacts are followed",
        test="tests/unit/test_identity.py::test_no_link_leads_to_or_from_an_erased_contact",
        edits=(
            Edit(
                "consumer/domain/identity.py",
                old="        if path[-1] in erased or following in erased:\n            break\n",
                new="",
            ),
        ),
    ),
    Mutant(
        "deletions-hold-for-later-joins",
        breaks="a deletion takes what came by an id that was joined only after it",
        test="tests/pipeline/test_vectors.py::test_vector[deleted-with-its-joins]",
        edits=(
            Edit(
                "consumer/domain/identity.py",
                old="links_of(one for one in joins if one.order[0] < deletion.at)",
                new="links_of(joins)",
            ),
        ),
    ),
    Mutant(
        "gone-at-the-instant",
        breaks="an event dated at the deletion is gone too",
        test="tests/pipeline/test_vectors.py::test_vector[contacts-and-gone]",
        edits=(
            Edit(
                "consumer/ingest/gone_events.py",
                old="event.occurred_us < before\n",
                new="event.occurred_us <= before\n",
            ),
        ),
    ),
    Mutant(
        "union-not-judged",
        breaks="entries move to the survivor and keep their verdicts",
        test="tests/pipeline/test_vectors.py::test_vector[joined-contacts]",
        edits=(
            Edit(
                "consumer/scoring/identity/entries.py",
                old="        entry.counts = counts\n",
                new="        entry.counts = entry.was_counted\n",
            ),
        ),
    ),
    Mutant(
        "no-tombstone",
        breaks="a deleted contact's messages do not end",
        test="tests/web/test_identity.py::test_what_happens_after_a_deletion_begins_anew",
        edits=(
            Edit(
                "consumer/scoring/identity/scores.py",
                old="    if not chains:\n        return\n",
                new="    return\n",
            ),
        ),
    ),
    Mutant(
        "ended-twice",
        breaks="messages of a contact that has come back without a message are ended again",
        test="tests/pipeline/test_ended_messages.py::test_messages_end_once",
        edits=(
            Edit(
                "sql/queries/identity.sql",
                old="where e.contact_id is null\n",
                new="",
            ),
        ),
    ),
    Mutant(
        "chains-begin-at-1",
        breaks="messages of a contact that comes back begin at version 1 again",
        test="tests/web/test_identity.py::test_what_happens_after_a_deletion_begins_anew",
        edits=(
            Edit(
                "consumer/ingest/score_changes.py",
                old="            await continue_chains(connection, scores, again)\n",
                new="            pass\n",
            ),
        ),
    ),
    Mutant(
        "carried-out-too-early",
        breaks="joins are carried out while programs that do not know them may run",
        test="tests/pipeline/test_identity_gate.py::test_nothing_is_carried_out_while_older_programs_may_run",
        edits=(
            Edit(
                "sql/queries/identity.sql",
                old="where (select schema_version from installation) >= $2\n",
                new="where $2::int is not null\n",
            ),
        ),
    ),
)
