"""Mutants of what names people outside timelines."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        "sample-for-ever",
        breaks="the next event gives no sample in the place of one that was taken away",
        test="tests/pipeline/test_maintenance.py::test_samples_go_after_their_time_and_the_next_event_gives_one",
        edits=(
            Edit(
                "sql/queries/inbox.sql",
                old="case when i.sample = '{}' then excluded.sample else i.sample end",
                new="i.sample",
            ),
        ),
    ),
    Mutant(
        "sample-goes-with-its-type",
        breaks="a sample is taken away by the age of its type alone",
        test="tests/pipeline/test_maintenance.py::test_samples_go_after_their_time_and_the_next_event_gives_one",
        edits=(
            Edit(
                "sql/queries/maintenance.sql",
                old="::timestamptz\n            < now() - $3::interval\n",
                new="::timestamptz\n            < now()\n",
            ),
        ),
    ),
    Mutant(
        "first-dead-letters-only",
        breaks="a round deletes one step of dead letters",
        test="tests/pipeline/test_maintenance.py::test_dead_letters_go_after_their_time_and_not_before",
        edits=(
            Edit(
                "sql/queries/maintenance.sql",
                old="(select max(id) from next where is_past) as last",
                new="null::bigint as last",
            ),
        ),
    ),
    Mutant(
        "ignored-for-ever",
        breaks="a deletion leaves what is kept of events that reached no timeline",
        test="tests/web/test_ignored_events.py::test_what_a_deletion_took_is_not_listed",
        edits=(
            Edit(
                "sql/queries/identity.sql",
                old="delete from ignored_events where account_id = $1 and id_hash = $2 and dated_at < $3",
                new="delete from ignored_events where account_id = $1 and id_hash = $2 and dated_at < $3 and false",
            ),
        ),
    ),
    Mutant(
        "ignored-brought-back",
        breaks="a worker stores what it has noted of a contact that was deleted meanwhile",
        test="tests/web/test_ignored_events.py::test_what_a_deletion_took_is_not_listed",
        edits=(
            Edit(
                "sql/queries/ignored_events.sql",
                old="where gone.deleted_before is null or gone.deleted_before <= g.dated_at\n",
                new="",
            ),
        ),
    ),
    Mutant(
        "dead-letters-of-strangers",
        breaks="an account replays and discards dead letters of others",
        test="tests/web/test_dead_letters.py::"
        "test_another_accounts_letters_are_neither_replayed_nor_discarded",
        edits=(
            Edit(
                "sql/queries/dead_letters.sql",
                old="where id = any($1::bigint[]) and ($2::text is null or account_key = $2) order by id",
                new="where id = any($1::bigint[]) and ($2::text is null or true) order by id",
            ),
        ),
    ),
    Mutant(
        "undone-without-its-id",
        breaks="after a split the points of an undoing stay with the survivor",
        test="tests/web/test_bulk_adjustments.py::test_an_undoing_goes_with_its_adjustment",
        edits=(
            Edit(
                "sql/queries/adjustments.sql",
                old="select contact_id, profile_id, group_id, -points, $2, $3, $4, came_by, id",
                new="select contact_id, profile_id, group_id, -points, $2, $3, $4, null, id",
            ),
        ),
    ),
    Mutant(
        "archived-goes-on",
        breaks="events go on to count, and send messages, under an archived profile",
        test="tests/web/test_archived_profiles.py::test_meanwhile_events_send_no_messages_and_then_all_count",
        edits=(
            Edit(
                "consumer/catalog/write_changes.py",
                old="[*published, *archived]",
                new="published",
            ),
        ),
    ),
    Mutant(
        "archived-chain-begins-anew",
        breaks="after a deletion the messages of a profile that was archived count from 1 again",
        test="tests/web/test_archived_profiles.py::test_a_deletion_meanwhile_ends_its_messages",
        edits=(
            Edit(
                "sql/queries/announce.sql",
                old="where e.contact_id = c.id and e.profile_id = p.id), 0)",
                new="where e.contact_id = c.id and e.profile_id = p.id and false), 0)",
            ),
        ),
    ),
    Mutant(
        "deletions-meanwhile-not-forgotten",
        breaks="dead letters of a deletion that comes while another fact is carried out stay",
        test="tests/pipeline/test_identity_forgetting.py::test_a_deletion_that_comes_meanwhile_is_not_left_out",
        edits=(
            Edit(
                "consumer/scoring/identity/carry_out.py",
                old="cluster is not None and elsewhere.has_forgotten(cluster)",
                new="cluster is not None",
            ),
        ),
    ),
    Mutant(
        "moved-entries-not-rejudged",
        breaks="what a join moves to a contact that a rejudgement has passed keeps its old edition",
        test="tests/pipeline/test_identity_beside_jobs.py::test_a_join_at_any_step_of_a_job",
        edits=(
            Edit(
                "sql/queries/rejudgement.sql",
                old="    and (r.last_contact_id >= $2 or",
                new="    and (false or",
            ),
        ),
    ),
)
