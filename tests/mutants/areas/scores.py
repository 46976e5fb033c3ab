"""Mutants of scores, their messages, and publishes."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Mutant

MUTANTS = (
    # Scores and messages
    Mutant(
        "one-profile-only",
        breaks="only the primary profile is scored",
        test="tests/pipeline/test_profiles.py::test_each_published_profile_has_its_own_scores",
        edits=(
            Edit(
                "sql/queries/weights.sql",
                old="(select key, published_version from profiles p where p.id = w.profile_id offset 0) p",
                new="(select key, published_version from profiles p"
                " where p.id = w.profile_id and p.is_primary offset 0) p",
            ),
        ),
    ),
    Mutant(
        "overall-without-groups",
        breaks="overall is not the sum of its groups",
        test="tests/pipeline/test_vectors.py::test_vector[several-definitions]",
        edits=(
            Edit(
                "consumer/contact_state/scores.py",
                old="        self.overall += step\n",
                new="        self.overall = max(self.overall, self.groups[group_id])\n",
            ),
        ),
    ),
    Mutant(
        "no-reversal",
        breaks="XP is credited but never taken back",
        test="tests/pipeline/test_vectors.py::test_vector[once-swapped]",
        edits=(
            Edit(
                "consumer/ingest/score_changes.py",
                old="        if change.xp_due:",
                new="        if change.xp_due and change.step > 0:",
            ),
        ),
    ),
    # Publishing a profile
    Mutant(
        "building-not-folded",
        breaks="batches add events to the published version alone, not to the one being built",
        test="tests/pipeline/test_publish_steps.py::test_events_during_a_publish_count_once_under_both_versions",
        edits=(
            Edit(
                "sql/queries/weights.sql",
                old="v.version = w.version and v.state in ('building', 'published')",
                new="v.version = w.version and v.state in ('published')",
            ),
        ),
    ),
    Mutant(
        "publish-adds-to-what-batches-left",
        breaks="building a contact adds to the scores that batches have written already",
        test="tests/pipeline/test_publish_steps.py::test_events_during_a_publish_count_once_under_both_versions",
        edits=(
            Edit(
                "consumer/scoring/profile_publish/steps.py",
                old='            await connection.execute(_SQL["delete_scores"], contacts, profile, version,'
                " False)\n",
                new="",
            ),
            Edit(
                "sql/queries/publish.sql",
                old="    order by contact_id\n)\ninsert into ranks",
                new="    order by contact_id\n    on conflict (contact_id, profile_id, version)"
                " do update set overall = contact_scores.overall + excluded.overall\n)\ninsert into ranks",
            ),
            Edit(
                "sql/queries/publish.sql",
                old="    select * from unnest(b.group_ids, b.group_points)) g\n\n-- name: flip",
                new="    select * from unnest(b.group_ids, b.group_points)) g\n"
                "on conflict do nothing\n\n-- name: flip",
            ),
        ),
    ),
    Mutant(
        "publish-without-locks",
        breaks="contacts are built without their locks",
        test="tests/pipeline/test_publish_steps.py::test_a_chunk_waits_for_a_batch_that_holds_a_contact_lock",
        edits=(
            Edit(
                "consumer/scoring/jobs/step.py",
                old="await announce.lock_contacts(connection, contacts)",
                new="pass",
            ),
        ),
    ),
    Mutant(
        "flip-before-the-end",
        breaks="a publish flips before all contacts are built",
        test="tests/pipeline/test_publish_steps.py::test_a_flip_before_all_contacts_are_built_has_no_effect",
        edits=(
            Edit(
                "sql/queries/publish.sql",
                old="where id = $1 and state = 'building' and last_contact_id >= until_contact_id"
                " and counted_contact_id >= 0",
                new="where id = $1 and state = 'building'",
            ),
        ),
    ),
    Mutant(
        "publish-not-announced-by-batches",
        breaks="the first batch after a flip names `events` alone as the cause",
        test="tests/pipeline/test_publish_messages.py::test_the_first_batch_after_the_flip_announces_the_publish_too",
        edits=(
            Edit(
                "consumer/contact_state/messages.py",
                old='            causes = f"publish,{cause}"\n',
                new="            causes = cause\n",
            ),
        ),
    ),
    Mutant(
        "undone-publish-announced",
        breaks="a batch that undoes a publish sends a message without a change",
        test="tests/pipeline/test_publish_messages.py::test_events_that_undo_a_publish_send_nothing",
        edits=(
            Edit(
                "consumer/contact_state/messages.py",
                old="        if not _differ(said, published.by_group):\n            return None\n",
                new="",
            ),
        ),
    ),
    Mutant(
        "segment-preview-of-now",
        breaks="the preview of a publish reads segments from the scores as they are",
        test="tests/pipeline/test_publish_preview.py::test_it_says_who_enters_and_leaves_segments",
        edits=(
            Edit(
                "consumer/scoring/segments/preview_crossings.py",
                old="contact=_CONTACT, moved=_POINTS\n",
                new="contact=_CONTACT\n",
            ),
        ),
    ),
    Mutant(
        "segment-without-zero",
        breaks="a contact without a score in a group is no member where 0 is in range",
        test="tests/pipeline/test_segment_properties.py::test_property_members_are_whom_a_plain_reading_says",
        edits=(
            Edit(
                "consumer/scoring/segments/member_sql.py",
                old="holds = not least <= 0 <= most",
                new="holds = least != 0",
            ),
        ),
    ),
    Mutant(
        "segment-not-selected",
        breaks="what must not hold is selected as if it must, where all members are selected at once",
        test="tests/pipeline/test_segment_properties.py::test_property_members_are_whom_a_plain_reading_says",
        edits=(
            Edit(
                "consumer/scoring/segments/member_sql.py",
                old="if leaf.holds == (inside is None):",
                new="if leaf.holds:",
            ),
        ),
    ),
    Mutant(
        "last-of-scanned",
        breaks="an entry stands for its contact in a list by last event although the contact has a later one",
        test="tests/web/test_recent_contacts.py::test_lists_by_last_event",
        edits=(
            Edit(
                "consumer/web/api/contacts/recent_contacts.py",
                old="    text = text.replace(_ENTRIES,",
                new='    text = text.replace("where not exists", "where exists").replace(_ENTRIES,',
            ),
        ),
    ),
)
