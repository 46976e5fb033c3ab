"""The mutants: what each breaks, the edits that break it, and the one test that must fail.

`old` occurs exactly once in its file; tests/unit/test_mutants.py checks that, and that each named test exists.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """In `file`, a path from the root of the repository, `old` becomes `new`."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Mutant:
    """A defect on purpose; `test` is a pytest node id and must fail by an assertion."""

    name: str
    breaks: str
    test: str
    edits: tuple[Edit, ...]


MUTANTS = (
    # Bounds and bands
    Mutant(
        "list-by-sums",
        breaks="ranges and bands of lists are compared with sums",
        test="tests/web/test_shown_scores.py::test_ranges_and_bands_of_lists",
        edits=(
            Edit(
                "consumer/web/api/contacts/list_filters.py",
                old="    return frame.sums(least, most)\n",
                new="    return least, most\n",
            ),
        ),
    ),
    Mutant(
        "explained-overall-by-sums",
        breaks="an explanation adds up overall from what groups do not show",
        test="tests/web/test_shown_scores.py::test_explanations_add_up",
        edits=(
            Edit(
                "consumer/web/api/contacts/shown_scores.py",
                old="    if not frames:\n        return sum(sums.values())\n",
                new="    return sum(sums.values())\n",
            ),
        ),
    ),
    Mutant(
        "timeline-without-bounded-overall",
        breaks="items of a timeline do not add up to an overall that is bounded",
        test="tests/web/test_shown_scores.py::test_timelines_add_up",
        edits=(
            Edit(
                "consumer/web/api/contacts/timeline_query.py",
                old="    if query.groups is None:\n        added.append(",
                new="    if query.groups:\n        added.append(",
            ),
        ),
    ),
    Mutant(
        "change-of-sums",
        breaks="what bounds take is a change of the last days",
        test="tests/web/test_shown_scores.py::test_changes_are_of_what_is_shown",
        edits=(
            Edit(
                "consumer/web/api/contacts/recent_changes.py",
                old="    if read.frames:\n",
                new="    if not read:\n",
            ),
        ),
    ),
    Mutant(
        "bounded-sums-added",
        breaks="what lies beyond a bound is lost: batches add to what is shown",
        test="tests/pipeline/test_vectors.py::test_vector[bands-and-crossings]",
        edits=(
            Edit(
                "consumer/contact_state/scores.py",
                old="        self.groups[group_id] = before + points\n",
                new="        self.groups[group_id] = self.frames.get(group_id, PLAIN).shown(before + points)\n",
            ),
            Edit(
                "consumer/contact_state/scores.py",
                old="from consumer.contact_state.frames import shown\n",
                new="from consumer.contact_state.frames import shown\nfrom consumer.domain.frame import PLAIN\n",
            ),
        ),
    ),
    Mutant(
        "overall-moved-by-sums",
        breaks="overall moves by what a bounded group does not show",
        test="tests/pipeline/test_vectors.py::test_vector[bounds-of-groups-and-overall]",
        edits=(
            Edit(
                "consumer/contact_state/scores.py",
                old="step = 0 if frame.apart else frame.shown(before + points) - frame.shown(before)\n",
                new="step = 0 if frame.apart else points\n",
            ),
        ),
    ),
    Mutant(
        "apart-in-overall",
        breaks="overall counts groups that are apart",
        test="tests/pipeline/test_vectors.py::test_vector[group-apart]",
        edits=(
            Edit(
                "consumer/contact_state/scores.py",
                old="step = 0 if frame.apart else frame.shown",
                new="step = frame.shown",
            ),
        ),
    ),
    Mutant(
        "apart-in-built-overall",
        breaks="a publish builds overall with groups that are apart",
        test="tests/pipeline/test_publish_bounds.py::test_a_publish_builds_what_batches_add_to",
        edits=(
            Edit(
                "sql/queries/publish.sql",
                old="coalesce(sum(shown_points(points, f.floor, f.cap)) filter (where f.apart is not true), 0)",
                new="coalesce(sum(shown_points(points, f.floor, f.cap)), 0)",
            ),
        ),
    ),
    Mutant(
        "above-the-threshold",
        breaks="points at a threshold are in the band below",
        test="tests/pipeline/test_vectors.py::test_vector[group-apart]",
        edits=(
            Edit(
                "consumer/domain/frame.py",
                old="shown >= band.least:",
                new="shown > band.least:",
            ),
        ),
    ),
    Mutant(
        "threshold-publish-silent",
        breaks="a publish that moves thresholds alone sends nothing",
        test="tests/pipeline/test_band_messages.py::test_a_moved_threshold_messages_whom_it_moves",
        edits=(
            Edit(
                "sql/queries/announce.sql",
                old="bool_or(current <> previous or band_current <> coalesce(band_previous, '')) as differs,",
                new="bool_or(current <> previous) as differs,",
            ),
        ),
    ),
    Mutant(
        "sums-announced",
        breaks="what moves sums alone is announced",
        test="tests/pipeline/test_band_messages.py::test_what_moves_sums_alone_sends_nothing",
        edits=(
            Edit(
                "consumer/contact_state/messages.py",
                old="    if not _differ(stood, now) and bands_stood == bands:\n        return None\n",
                new="",
            ),
            Edit(
                "consumer/contact_state/messages.py",
                old="    if not _differ(said, now) and before == bands:\n        return None\n",
                new="",
            ),
        ),
    ),
    Mutant(
        "announced-under-new-bounds",
        breaks="the points announced last are bounded by the new version's bounds",
        test="tests/pipeline/test_publish_bounds.py::test_what_was_announced_is_bounded_as_it_was",
        edits=(
            Edit(
                "sql/queries/announce.sql",
                old="else shown_points(s.older, b.floor, b.cap) end as previous",
                new="else shown_points(s.older, f.floor, f.cap) end as previous",
            ),
        ),
    ),
    Mutant(
        "older-programs-run-on",
        breaks="a worker that knows no bounds runs beside them",
        test="tests/postgres/test_catalog_frames.py::test_the_first_frame_shuts_out_older_programs",
        edits=(
            Edit(
                "consumer/catalog/shut_out_older.py",
                old="    if running := await connection.fetch(",
                new="    if False and (running := await connection.fetch(",
            ),
            Edit(
                "consumer/catalog/shut_out_older.py",
                old="KNOWS_FRAMES, 3):\n",
                new="KNOWS_FRAMES, 3)):\n",
            ),
        ),
    ),
    # Decoding
    Mutant(
        "usual-data-with-nul",
        breaks="U+0000 passes in a typed field where data is checked quickly",
        test="tests/unit/test_decode_usual.py::test_both_ways_agree_on_any_odd_value",
        edits=(Edit("schemas/usual_data.py", old="    if _NUL in data:\n        return False\n", new=""),),
    ),
    Mutant(
        "usual-utf8-unchecked",
        breaks="bytes that are not UTF-8 pass in members of an envelope that nothing reads",
        test="tests/unit/test_decode_usual.py::test_both_ways_agree_on_any_odd_value",
        edits=(
            Edit(
                "consumer/domain/decode_usual.py",
                old="    if not value.isascii():\n",
                new="    if False:\n",
            ),
        ),
    ),
    Mutant(
        "account-unread",
        breaks="a record that the parser refuses names no account, so that one account stops everybody's lane",
        test="tests/pipeline/test_lane_stop.py::test_those_that_no_parser_takes_stop_nothing_alone",
        edits=(
            Edit(
                "consumer/domain/cloudevents.py",
                old="        return _fault_of_unparsed(value, whole)\n",
                new="        return whole\n",
            ),
        ),
    ),
    Mutant(
        "tombstones-dead",
        breaks="a tombstone is a dead letter, so that compacted topics stop their lanes",
        test="tests/pipeline/test_lane_stop.py::test_tombstones_stop_nothing",
        edits=(
            Edit(
                "consumer/domain/decode_carefully.py",
                old="    if value is None and not cloudevents.is_announced(headers):\n        return Tombstone()\n",
                new="",
            ),
        ),
    ),
    # Verdicts
    Mutant(
        "verify-reads-all-older-entries",
        breaks="for each edition verify reads all counted entries of a contact, not only those near its events",
        test="tests/unit/test_verify_work.py::test_four_times_the_entries_are_four_times_the_work",
        edits=(
            Edit(
                "consumer/domain/verdict_rule.py",
                old="for point in points[begin:end] if",
                new="for point in points if",
            ),
        ),
    ),
    Mutant(
        "interval-inclusive",
        breaks="`<=` for `<` at the end of a cooldown",
        test="tests/pipeline/test_vectors.py::test_vector[interval-boundary]",
        edits=(
            Edit(
                "consumer/domain/verdict_rule.py",
                old="last_counted is not None and time - last_counted < interval",
                new="last_counted is not None and time - last_counted <= interval",
            ),
        ),
    ),
    Mutant(
        "arrival-order",
        breaks="events are judged in order of arrival, never again",
        test="tests/pipeline/test_vectors.py::test_vector[late-flips-a-chain]",
        edits=(
            Edit(
                "consumer/domain/dedup_key.py",
                old="    if last is not None and order < last:\n        return None\n",
                new="",
            ),
            Edit(
                "consumer/domain/dedup_key.py",
                old="is_late = bool(ordinary) and state.last_counted is not None",
                new="is_late = False and state.last_counted is not None",
            ),
        ),
    ),
    Mutant(
        "no-tie-break",
        breaks="ties are left to chance instead of broken by event key",
        test="tests/pipeline/test_vectors.py::test_vector[tie-by-event-key]",
        edits=(
            Edit(
                "consumer/domain/dedup_key.py",
                old="    if last is not None and order < last:\n",
                new="    if last is not None and order[0] < last[0]:\n",
            ),
            Edit(
                "consumer/domain/dedup_key.py",
                old="ordinary[0] < state.last_counted\n",
                new="ordinary[0][0] < state.last_counted[0]\n",
            ),
            Edit(
                "consumer/domain/dedup_key.py",
                old="if ordinary and last_counted is not None and ordinary[0] < last_counted:",
                new="if ordinary and last_counted is not None and ordinary[0][0] < last_counted[0]:",
            ),
        ),
    ),
    Mutant(
        "edition-ignored",
        breaks="what counted under older editions is no fixed point",
        test="tests/pipeline/test_vectors.py::test_vector[edition-once-after-always]",
        edits=(
            Edit(
                "consumer/ingest/judge_entries.py",
                old="if definition.edition > 1 and definition.rule.policy is not Policy.ALWAYS:",
                new="if False:",
            ),
        ),
    ),
    Mutant(
        "gate-never-moves-back",
        breaks="the last counted time only ever grows",
        test="tests/pipeline/test_gates.py::test_gate_moves_back",
        edits=(
            Edit(
                "consumer/domain/dedup_key.py",
                old="(order for (order, _), does in reversed(judged) if does), state.last_counted)",
                new="(max(order, state.last_counted or order) for (order, _), does in reversed(judged) if does),"
                " state.last_counted)",
            ),
        ),
    ),
    Mutant(
        "late-entry-not-flipped",
        breaks="stored verdicts stay as they were when a late event comes",
        test="tests/pipeline/test_vectors.py::test_vector[late-flips-a-chain]",
        edits=(
            Edit(
                "consumer/ingest/judge_entries.py",
                old="    if flipped:\n        changes +=",
                new="    if False:\n        changes +=",
            ),
        ),
    ),
    Mutant(
        "rejudgement-leaves-gates",
        breaks="a rejudgement leaves the gates as they were",
        test="tests/pipeline/test_rejudgement.py::test_what_counted_too_much_is_mended",
        edits=(
            Edit(
                "consumer/scoring/rejudgement/write.py",
                old="if definition.rule.policy is not Policy.ALWAYS:",
                new="if False:",
            ),
        ),
    ),
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
    # Background jobs
    Mutant(
        "jobs-before-accounts",
        breaks="an account with more jobs gets more steps than one with fewer",
        test="tests/pipeline/test_background_jobs.py::test_the_jobs_of_an_account_take_turns",
        edits=(
            Edit(
                "consumer/worker/background_jobs.py",
                old="least=self._rest)\n                    break\n",
                new="least=self._rest)\n",
            ),
        ),
    ),
    Mutant(
        "jobs-before-a-backlog",
        breaks="jobs take as much of the time as batches, while records wait",
        test="tests/pipeline/test_background_jobs.py::test_jobs_leave_nine_tenths_of_the_time_to_a_backlog",
        edits=(Edit("consumer/worker/background_jobs.py", old="if self._has_backlog():", new="if False:"),),
    ),
    Mutant(
        "one-account-after-another",
        breaks="a job is taken to its end before another account has its turn",
        test="tests/pipeline/test_background_jobs.py::test_a_long_job_does_not_hold_up_another_accounts",
        edits=(
            Edit(
                "consumer/scoring/jobs/turns.py",
                old="        return [self._after_last(account, by_account[account]) for account in accounts]\n",
                new="        return [by_account[account] for account in sorted(accounts)[:1]]\n",
            ),
        ),
    ),
    Mutant(
        "taken-job-waited-for",
        breaks="a worker waits for the step of a job that another one takes",
        test="tests/pipeline/test_background_jobs.py::test_an_account_is_served_by_one_worker_at_a_time",
        edits=(Edit("sql/queries/jobs.sql", old="for no key update skip locked", new="for no key update"),),
    ),
    Mutant(
        "account-served-twice",
        breaks="several workers take steps of jobs of one account at once",
        test="tests/pipeline/test_background_jobs.py::test_an_account_is_served_by_one_worker_at_a_time",
        edits=(
            Edit(
                "sql/queries/jobs.sql",
                old="pg_try_advisory_xact_lock($2::int, f.account_id) as has_turn",
                new="$2::int is not null as has_turn",
            ),
        ),
    ),
    Mutant(
        "failure-without-back-off",
        breaks="a job that fails is tried again at once, in every round",
        test="tests/pipeline/test_background_jobs.py::test_a_job_that_fails_is_tried_again_and_stops_no_other",
        edits=(
            Edit(
                "sql/queries/jobs.sql",
                old="retry_at = now() + least(300,",
                new="retry_at = now() - least(300,",
            ),
        ),
    ),
    Mutant(
        "flip-waited-for",
        breaks="a flip that batches keep waiting holds up the jobs of other accounts",
        test="tests/pipeline/test_background_jobs.py::test_a_flip_that_has_to_wait_is_skipped",
        edits=(
            Edit(
                "consumer/infra/postgres/revision_lock.py",
                old="if attempt is not None or time.monotonic() > deadline:",
                new="if time.monotonic() > deadline:",
            ),
        ),
    ),
    Mutant(
        "rejudged-while-announced",
        breaks="a rejudgement goes on while a publish of the account is announced",
        test="tests/pipeline/test_background_jobs.py"
        "::test_a_rejudgement_waits_beside_an_interrupted_announcement_which_goes_on",
        edits=(
            Edit(
                "sql/queries/rejudgement.sql",
                old="where p.account_id = $1 and u.state = 'announcing')",
                new="where p.account_id = $1 and u.state = 'announcing' and false)",
            ),
        ),
    ),
    Mutant(
        "walk-through-all-accounts",
        breaks="the walk over an account's contacts scans those of other accounts too",
        test="tests/pipeline/test_contact_keyset.py::test_contacts_of_other_accounts_cost_nothing",
        edits=(
            Edit(
                "sql/queries/contact_keyset.sql",
                old="select id\nfrom contacts\nwhere account_id = $1 and (account_id, id) > ($1, $2)"
                " and (account_id, id) <= ($1, $3)",
                new="select id\nfrom (select * from contacts where id > $2 and id <= $3 order by id offset 0) c\n"
                "where account_id = $1",
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
    # Batches, lanes and locks
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
    # The relay
    Mutant(
        "shards-change-undrained",
        breaks="the number of shards changes while messages of the old shards are not published",
        test="tests/kafka/test_change_shards.py::test_shards_change_while_batches_are_committed",
        edits=(
            Edit(
                "consumer/relay/change_shards.py",
                old='while not await connection.fetchval(_SQL["is_drained"]):',
                new="while False:",
            ),
        ),
    ),
    Mutant(
        "floor-ignored",
        breaks="where Kafka knows no position a shard begins at 0, not at its floor",
        test="tests/kafka/test_relay.py::test_the_floor_stands_in_for_a_position_that_kafka_forgot",
        edits=(
            Edit(
                "consumer/relay/shard_publisher.py",
                old='self._position = PublishedPosition(self._floor, state["incarnation"])\n            return\n',
                new='self._position = PublishedPosition(0, state["incarnation"])\n            return\n',
            ),
        ),
    ),
    Mutant(
        "floor-before-messages",
        breaks="the floor is raised to messages that are still being sent",
        test="tests/pipeline/test_floor.py::test_the_floor_stays_where_sending_fails",
        edits=(
            Edit(
                "consumer/relay/shard_publisher.py",
                old="asyncio.create_task(self._raise_floor(connection, before))",
                new="asyncio.create_task(self._raise_floor(connection, position))",
            ),
        ),
    ),
    Mutant(
        "commit-before-writes",
        breaks="what a small batch writes follows its commit",
        test="tests/postgres/test_writes.py::test_all_of_it_or_nothing",
        edits=(
            Edit(
                "consumer/infra/postgres/writes.py",
                old="[*self._calls, *([last] if last else [])]",
                new="[*([last] if last else []), *self._calls]",
            ),
        ),
    ),
    Mutant(
        "position-read-before-start",
        breaks="the position is read before older publishers are fenced",
        test="tests/kafka/test_transactional_publisher.py::test_the_position_is_read_last",
        edits=(
            Edit(
                "consumer/relay/plain_publisher.py",
                old="                await kafka.start_client(producer)\n",
                new="                await producer.client.bootstrap()\n"
                "                early = await self._read_position(producer)\n"
                "                await kafka.start_client(producer)\n",
            ),
            Edit(
                "consumer/relay/plain_publisher.py",
                old="                position = await self._read_position(producer)\n",
                new="                position = early\n",
            ),
        ),
    ),
    # Clients that stall, and accounts that ask for too much
    Mutant(
        "half-sent-not-displaced",
        breaks="half-sent requests take all places of the HTTP server",
        test="tests/unit/test_http_server.py::test_half_sent_requests_displace_nobody_who_sends",
        edits=(
            Edit(
                "consumer/infra/http_connections.py",
                old="displaced = next(iter(self._waiting), None)",
                new="displaced = None",
            ),
        ),
    ),
    Mutant(
        "headers-begin-anew",
        breaks="a byte now and then keeps a half-sent request open for ever",
        test="tests/unit/test_http_server.py::test_headers_have_ten_seconds",
        edits=(
            Edit(
                "consumer/infra/http_connections.py",
                old="        self._received += len(data)\n",
                new='        self._received += len(data)\n        self._awaited = ""\n',
            ),
        ),
    ),
    Mutant(
        "share-unbounded",
        breaks="one account takes all slots",
        test="tests/unit/test_fair_slots.py::test_an_account_has_no_more_than_its_share",
        edits=(
            Edit(
                "consumer/web/http/fair_slots.py",
                old="return self._free > 0 and self._held[account] < self._share",
                new="return self._free > 0",
            ),
        ),
    ),
    Mutant(
        "known-keys-wait",
        breaks="a JWKS that hangs delays tokens whose keys are known",
        test="tests/web/test_tokens.py::test_a_jwks_that_hangs_delays_no_known_key",
        edits=(
            Edit(
                "consumer/web/http/jwt_keys.py",
                old="        if key_id not in self._keys:\n",
                new="        if True:\n",
            ),
        ),
    ),
    # Several processes
    Mutant(
        "ended-process-uncounted",
        breaks="what a process counted is gone when it ends: counters fall",
        test="tests/unit/test_merged_metrics.py::test_counters_never_fall",
        edits=(
            Edit(
                "consumer/infra/telemetry/merged_metrics.py",
                old="self._counted[number] = self._exported[number] = _lasting(self._exported.get(number, []))",
                new="self._exported.pop(number, None)",
            ),
        ),
    ),
    # Configuration and the API
    Mutant(
        "account-not-checked",
        breaks="a token reaches other accounts",
        test="tests/web/test_permissions.py::test_other_accounts_do_not_exist",
        edits=(
            Edit(
                "consumer/web/http/auth.py",
                old="if not ACCOUNT.fullmatch(key) or not claims.covers(key):",
                new="if not ACCOUNT.fullmatch(key):",
            ),
        ),
    ),
    Mutant(
        "change-not-recorded",
        breaks="a change leaves no entry in the audit trail",
        test="tests/web/test_audit.py::test_each_change_is_one_entry_and_a_refused_one_none",
        edits=(
            Edit(
                "consumer/catalog/change.py",
                old="audit_changes.account_changes(before, after)",
                new="audit_changes.account_changes(after, after)",
            ),
        ),
    ),
    Mutant(
        "edit-publishes",
        breaks="an edit of a draft publishes it",
        test="tests/web/test_profiles.py::test_an_edit_of_a_published_profile_waits",
        edits=(
            Edit(
                "consumer/web/api/profiles/profiles.py",
                old='_WITHHELD = {"published": False}',
                new="_WITHHELD: dict[str, bool] = {}",
            ),
        ),
    ),
    Mutant(
        "publish-unseen",
        breaks="a draft changed by someone else since it was read is published",
        test="tests/web/test_publishes.py::test_what_was_not_seen_is_not_published",
        edits=(
            Edit(
                "consumer/scoring/profile_publish/requests.py",
                old="        check(before)\n",
                new="        check(before) if current.publish_runs else None\n",
            ),
        ),
    ),
    Mutant(
        "inherited-points-unseen",
        breaks="a publish does not see that another manager has changed a definition",
        test="tests/web/test_publishes.py::test_what_another_manager_changed_meanwhile_is_not_published",
        edits=(
            Edit(
                "consumer/web/api/profiles/schemas.py",
                old="    return fields, [*_counts(profile, draft, state)]\n",
                new='    return {**fields, "pending": True}, []\n',
            ),
        ),
    ),
    Mutant(
        "overtaken-change-written",
        breaks="a change overwrites another one that came between its edit and its lock",
        test="tests/postgres/test_catalog_changes.py::test_a_change_is_made_to_what_is_stored",
        edits=(
            Edit(
                "consumer/catalog/change.py",
                old="    if not _is_same(before, stored):\n",
                new="    if False and not _is_same(before, stored):\n",
            ),
        ),
    ),
    Mutant(
        "revision-not-compared",
        breaks="an edit overwrites another client's change",
        test="tests/web/test_definitions.py::test_two_people_cannot_overwrite_each_other",
        edits=(Edit("consumer/web/http/etags.py", old="if current not in named:", new="if not named:"),),
    ),
    # Changes beside batches
    Mutant(
        "catalog-not-checked",
        breaks="a batch is applied by a catalog that has changed before it got its contacts",
        test="tests/pipeline/test_changes_beside_batches.py::test_a_batch_that_has_not_locked_its_contacts_is_matched_again",
        edits=(
            Edit(
                "consumer/ingest/catalog_check.py",
                old="    if changed and not await",
                new="    if False and not await",
            ),
        ),
    ),
    Mutant(
        "first-count-not-checked",
        breaks="a definition counts for the first time by points that have changed meanwhile",
        test="tests/pipeline/test_changes_beside_batches.py::test_the_first_count_is_by_the_points_that_stay",
        edits=(
            Edit(
                "consumer/ingest/apply.py",
                old="            await require_unchanged(connection, batch, weights)\n",
                new="            pass\n",
            ),
        ),
    ),
    Mutant(
        "uncounted-not-locked",
        breaks="a change does not see that a definition counts in a batch in flight",
        test="tests/pipeline/test_changes_beside_batches.py::test_a_definition_that_a_batch_counts_cannot_be_deleted",
        edits=(
            Edit(
                "sql/queries/catalog.sql",
                old="\nfor no key update of definition;",
                new=";",
            ),
        ),
    ),
    Mutant(
        "overtaken-again",
        breaks="an account that changes all the time keeps a batch from its commit",
        test="tests/pipeline/test_changes_beside_batches.py::test_a_batch_is_overtaken_by_changes_only_once",
        edits=(
            Edit(
                "consumer/ingest/batch_context.py",
                old="        self._to_hold.update(changed)\n",
                new="",
            ),
        ),
    ),
    Mutant(
        "others-stay-unread",
        breaks="a batch never reads the changes of accounts that the batches before did not have",
        test="tests/pipeline/test_changes_beside_batches.py::test_another_account_does_not_make_a_batch_be_matched_again",
        edits=(
            Edit(
                "consumer/ingest/batch_context.py",
                old="        if has_changed:\n",
                new="        if False:\n",
            ),
        ),
    ),
    Mutant(
        "shards-not-compared",
        breaks="a dead letter goes to a shard that is no longer in use",
        test="tests/pipeline/test_changes_beside_batches.py::test_a_batch_that_knows_another_number_of_shards_is_triaged_again",
        edits=(
            Edit(
                "consumer/ingest/batch_processor.py",
                old="        if shards != self._context.shards:\n",
                new="        if False:\n",
            ),
        ),
    ),
    Mutant(
        "publish-before-batches-end",
        breaks="a publish does not build contacts of batches that do not know its version",
        test="tests/pipeline/test_jobs_beside_batches.py::test_a_publish_begun_beside_a_batch_covers_the_contacts_that_it_creates",
        edits=(
            Edit(
                "consumer/scoring/jobs/step.py",
                old='        if left := await _batches_left(connection, facts["state"], awaited):\n',
                new="        if left := frozenset():\n",
            ),
        ),
    ),
    Mutant(
        "rejudged-before-batches-end",
        breaks="a rejudgement leaves out contacts of batches that judge by the edition before",
        test="tests/pipeline/test_jobs_beside_batches.py::test_a_rejudgement_covers_the_contacts_of_a_batch_in_flight",
        edits=(
            Edit(
                "sql/queries/rejudgement.sql",
                old="values ($1, $2, $3, $4, (select coalesce(max(id), 0) from contacts), -1)",
                new="values ($1, $2, $3, $4, (select coalesce(max(id), 0) from contacts), 0)",
            ),
        ),
    ),
    Mutant(
        "awaited-of-another-state",
        breaks="batches that a job has waited for in one state count for the next state too",
        test="tests/pipeline/test_jobs_beside_batches.py::test_batches_are_waited_for_in_each_state",
        edits=(
            Edit(
                "consumer/scoring/jobs/step.py",
                old="awaited is None or awaited.state != state",
                new="awaited is None",
            ),
        ),
    ),
    Mutant(
        "published-at-once-beside-batches",
        breaks="contacts of a batch in flight get no score under a version that is published at once",
        test="tests/pipeline/test_changes_beside_batches.py::test_a_publish_at_once_waits_for_batches",
        edits=(
            Edit(
                "consumer/catalog/change.py",
                old="    return before.settings is not None and bool(published(after) - published(before))\n",
                new="    return False\n",
            ),
        ),
    ),
    Mutant(
        "deleted-before-batches-end",
        breaks="a definition is deleted while a batch in flight adds entries of it",
        test="tests/web/test_definitions.py::test_a_deletion_waits_for_batches_that_took_the_definition",
        edits=(
            Edit(
                "consumer/web/api/catalog/definitions.py",
                old="        await wait_for_batches(connection)\n",
                new="",
            ),
        ),
    ),
    # The schema
    Mutant(
        "schema-not-checked",
        breaks="a worker processes events under the schema of another version",
        test="tests/postgres/test_schema_refusals.py::test_a_command_refuses_another_schema",
        edits=(
            Edit(
                "consumer/infra/postgres/connection.py",
                old="            await require_schema(connection)\n",
                new="            pass\n",
            ),
        ),
    ),
    Mutant(
        "upgrade-counts-twice",
        breaks="an upgrade counts what is counted by object for the key without an object too",
        test="tests/postgres/test_migrations.py::test_everything_adds_up_after_the_upgrade",
        edits=(
            Edit(
                "sql/migrations/0002_dedup_keys_and_contact_scores.sql",
                old="select contact_id, definition_id, edition, '', -count from by_object",
                new="select contact_id, definition_id, edition, '', 0 from by_object",
            ),
        ),
    ),
    # Upgrades
    Mutant(
        "shut-out-while-running",
        breaks="a migration that takes something away begins while older programs are connected",
        test="tests/postgres/test_which_programs_run.py::test_a_migration_that_takes_away_waits_for_older_programs",
        edits=(
            Edit(
                "consumer/infra/postgres/migrate.py",
                old="    if running := await _shut_out(connection, migration, schema):\n",
                new="    if running := {}:\n",
            ),
        ),
    ),
    Mutant(
        "batches-begin-again",
        breaks="a migration that was killed in its batches begins them again",
        test="tests/postgres/test_live_migrations.py::test_killed_in_its_batches_it_goes_on_there",
        edits=(
            Edit(
                "consumer/infra/postgres/migrate.py",
                old="position=position or 0,",
                new="position=0,",
            ),
        ),
    ),
    Mutant(
        "old-program-unasked",
        breaks="a program runs on a schema that has shut it out",
        test="tests/postgres/test_which_programs_run.py::test_which_program_runs_on_which_schema",
        edits=(
            Edit(
                "consumer/infra/postgres/schema_version.py",
                old="        if self.oldest_program > program:\n",
                new="        if False:\n",
            ),
        ),
    ),
    Mutant(
        "newer-facts-skipped",
        breaks="a relay skips messages of a newer format and publishes what is after them",
        test="tests/kafka/test_newer_facts.py::test_an_older_relay_leaves_newer_facts_to_a_newer_one",
        edits=(
            Edit(
                "consumer/relay/outbox_messages.py",
                old="                return\n            is_first = False\n",
                new="                continue\n            is_first = False\n",
            ),
        ),
    ),
    Mutant(
        "outdated-relay-stays",
        breaks="a relay that cannot publish newer facts keeps its shards beside one that can, for ten seconds",
        test="tests/kafka/test_newer_facts.py::test_an_outdated_relay_does_not_wait_ten_seconds",
        edits=(
            Edit(
                "consumer/relay/admission.py",
                old="        return shard == self._outdated_for or self._fitness.failing(shard)\n",
                new="        return self._fitness.failing(shard)\n",
            ),
        ),
    ),
    Mutant(
        "all-columns",
        breaks="a statement takes all columns of a table, so that a new one may change what it returns",
        test="tests/unit/test_named_columns.py::test_columns_are_named",
        edits=(
            Edit(
                "sql/queries/weights.sql",
                old="    select definition_id, profile_id, version, group_id, weight from version_weights w\n",
                new="    select * from version_weights w\n",
            ),
        ),
    ),
    # Joins and deletions
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
    # What names people outside timelines
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
    # Retention
    Mutant(
        "purge-keeps-nothing",
        breaks="a purge leaves nothing of what dedup needs",
        test="tests/pipeline/test_purges.py::test_what_dedup_needs_stays_without_payload",
        edits=(
            Edit(
                "consumer/domain/purge_rule.py",
                old="            left[entry.order] = entry\n",
                new="            left.pop(entry.order, None)\n",
            ),
        ),
    ),
    Mutant(
        "purge-leaves-payload",
        breaks="what a purge leaves keeps its actor",
        test="tests/pipeline/test_purges.py::test_what_dedup_needs_stays_without_payload",
        edits=(
            Edit(
                "sql/queries/retention.sql",
                old="actor_id = null, actor_type = null, ",
                new="actor_type = null, ",
            ),
        ),
    ),
    Mutant(
        "purge-keeps-an-interval-too-much",
        breaks="what lies exactly an interval before the horizon stays",
        test="tests/unit/test_purge_rule.py::test_exactly_an_interval_before_is_not_needed",
        edits=(
            Edit(
                "consumer/domain/purge_rule.py",
                old="horizon - entry.occurred_at >= edition.interval",
                new="horizon - entry.occurred_at > edition.interval",
            ),
        ),
    ),
    Mutant(
        "purge-by-newest-edition-only",
        breaks="what only an older edition needs goes",
        test="tests/unit/test_purge_rule.py::test_each_edition_keeps_what_it_needs",
        edits=(
            Edit(
                "consumer/domain/purge_rule.py",
                old="    for number, edition in editions.items():\n",
                new="    for number, edition in [max(editions.items())]:\n",
            ),
        ),
    ),
    Mutant(
        "purge-of-the-union",
        breaks="of joined contacts only the first of all stays",
        test="tests/unit/test_purge_rule.py::test_each_id_keeps_its_own",
        edits=(
            Edit(
                "consumer/domain/purge_rule.py",
                old="key = entry.came_by, entry.object_id",
                new="key = None, entry.object_id",
            ),
        ),
    ),
    Mutant(
        "purge-not-carried",
        breaks="carried counts do not follow a join",
        test="tests/pipeline/test_vectors.py::test_vector[joined-after-a-purge]",
        edits=(
            Edit(
                "consumer/scoring/identity/carry_out.py",
                old='        moved += await connection.fetch(\n            _SQL["move_carried"],\n',
                new="        await connection.fetch(\n"
                '            _SQL["tallies"], survivor\n'
                "        ) or await connection.fetch(\n"
                '            _SQL["move_carried"],\n',
            ),
        ),
    ),
    Mutant(
        "deletion-takes-newer-carried",
        breaks="a deletion takes carried counts of what is dated after it",
        test="tests/pipeline/test_vectors.py::test_vector[deleted-after-a-purge]",
        edits=(
            Edit(
                "sql/queries/identity.sql",
                old="object_key = $2 and last_fixed_at < $3\n",
                new="object_key = $2 and $3::timestamptz is not null\n",
            ),
        ),
    ),
    Mutant(
        "rejudged-after-a-purge",
        breaks="a rejudgement judges what a purge has left",
        test="tests/pipeline/test_purges.py::test_a_rejudgement_leaves_what_stayed",
        edits=(
            Edit(
                "consumer/scoring/rejudgement/history.py",
                old="        judged = [entry for entry in entries if not entry.is_purged]\n"
                "        fixed_points = [entry.order[0] for entry in entries if entry.is_purged]\n",
                new="        judged, fixed_points = entries, []\n",
            ),
        ),
    ),
    Mutant(
        "purge-without-batches",
        breaks="a purge does not wait for batches that know the horizon before",
        test="tests/pipeline/test_purges.py::test_a_batch_in_flight_is_purged_too",
        edits=(
            Edit(
                "consumer/scoring/jobs/step.py",
                old='        if left := await _batches_left(connection, facts["state"], awaited):\n',
                new='        if facts["state"] != "running" and (\n'
                '            left := await _batches_left(connection, facts["state"], awaited)\n'
                "        ):\n",
            ),
        ),
    ),
    Mutant(
        "purge-in-one-step",
        breaks="a contact with very many entries is purged in one step",
        test="tests/pipeline/test_purges.py::test_a_contact_with_much_is_purged_in_parts",
        edits=(
            Edit(
                "consumer/scoring/retention/steps.py",
                old="return (chosen, part, done) if part > first else (chosen, horizon, done + 1)",
                new="return (chosen, horizon, done + 1)",
            ),
        ),
    ),
    Mutant(
        "purge-not-ended",
        breaks="a purge goes on although the account keeps its entries for longer",
        test="tests/pipeline/test_purges.py::test_a_longer_period_ends_it",
        edits=(
            Edit(
                "consumer/scoring/retention/steps.py",
                old='return bool(facts["is_cancelled"])',
                new="return False",
            ),
        ),
    ),
    Mutant(
        "purge-begins-early",
        breaks="a purge begins while programs may run that know nothing of it",
        test="tests/pipeline/test_purges.py::test_none_begins_before_every_program_knows_of_it",
        edits=(
            Edit(
                "sql/queries/retention.sql",
                old="and $1 <= (select schema_version from installation)",
                new="and $1 > 0",
            ),
        ),
    ),
    Mutant(
        "month-dropped-with-entries",
        breaks="a month is dropped that still has what dedup needs",
        test="tests/pipeline/test_timeline_partitions.py::test_a_month_that_all_accounts_have_purged_is_dropped",
        edits=(
            Edit(
                "consumer/ingest/timeline_partitions.py",
                old="        if await connection.fetchval(is_used):\n            continue\n",
                new="",
            ),
            Edit(
                "consumer/ingest/timeline_partitions.py",
                old="            if not await connection.fetchval(is_used):\n",
                new="            if is_used:\n",
            ),
        ),
    ),
    # Backfills
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
    # Live events and webhooks
    Mutant(
        "resumed-after-a-gap",
        breaks="a client that resumes after messages have gone is not sent to read again",
        test="tests/web/test_events.py::test_an_id_that_is_too_old_or_none_is_answered_by_a_reset",
        edits=(
            Edit(
                "consumer/web/live/catch_up.py",
                old="+ 1 < first:\n                    resuming.remove(listener)\n",
                new="+ 1 < first:\n                    listener.position = read\n",
            ),
        ),
    ),
    Mutant(
        "slow-clients-unbounded",
        breaks="what waits for a client that reads slowly grows without a bound",
        test="tests/web/test_events.py::test_a_slow_client_is_bounded",
        edits=(
            Edit(
                "consumer/web/live/listener.py",
                old="if len(self._waiting) >= MAX_EVENTS or self._bytes + len(event) > MAX_BYTES:",
                new="if self._bytes + len(event) > 1000 * MAX_BYTES:",
            ),
        ),
    ),
    Mutant(
        "published-rows-gone-at-once",
        breaks="published rows are deleted before webhooks have had them",
        test="tests/web/test_webhook_deliveries.py::test_published_rows_wait_for_webhooks",
        edits=(
            Edit(
                "sql/queries/relay.sql",
                old="where shard = $1 and exists (select from webhooks where active)), f.floor)",
                new="where shard = $1 and exists (select from webhooks where not active)), f.floor)",
            ),
        ),
    ),
    Mutant(
        "webhooks-out-of-order",
        breaks="after a failed message about a contact the next one is sent before its repetition",
        test="tests/web/test_webhook_deliveries.py::test_messages_of_a_contact_stay_in_order",
        edits=(
            Edit(
                "consumer/relay/webhooks/deliver.py",
                old="                if not await self._send(delivery):\n                    return\n",
                new="                await self._send(delivery)\n",
            ),
        ),
    ),
    Mutant(
        "private-address-among-public-ones",
        breaks="a name that leads to a public and to a private address is connected to",
        test="tests/unit/test_webhook_sending.py::test_one_private_address_among_public_ones_is_refused",
        edits=(
            Edit(
                "consumer/relay/webhooks/addresses.py",
                old="if not private and not all(map(is_public, addresses)):",
                new="if not private and not any(map(is_public, addresses)):",
            ),
        ),
    ),
    Mutant(
        "deliveries-of-a-deleted-person",
        breaks="a deletion leaves deliveries to webhooks that name the contact",
        test="tests/web/test_webhooks.py::test_a_deletion_takes_deliveries",
        edits=(
            Edit(
                "sql/queries/webhooks.sql",
                old="where w.account_id = $1 and d.webhook_id = w.id and d.contact = $2",
                new="where w.account_id = $1 and d.webhook_id = w.id and d.contact = $2 and d.state = 'failed'",
            ),
        ),
    ),
    # The tracker
    Mutant(
        "alias-joins-nothing",
        breaks="a track.alias is no identify",
        test="tests/pipeline/test_vectors.py::test_vector[alias]",
        edits=(
            Edit(
                "schemas/vocabulary.py",
                old='IDENTIFY_TYPES = frozenset({"track.identify", "track.alias"})',
                new='IDENTIFY_TYPES = frozenset({"track.identify"})',
            ),
        ),
    ),
    Mutant(
        "alias-of-a-known-contact",
        breaks="an alias joins the contact that its previousId names, known or not",
        test="tests/unit/test_tracker_calls.py::test_whose_event_it_is",
        edits=(
            Edit(
                "consumer/web/tracker/calls/contact.py",
                old="        return Contact(ANONYMOUS_PREFIX + anonymous, user, anonymous, into=user)\n",
                new="        return Contact(str(call.previous_id or anonymous), user, anonymous, into=user)\n",
            ),
        ),
    ),
    Mutant(
        "contact-of-a-link-unsigned",
        breaks="a pixel names a contact without a signature",
        test="tests/unit/test_tracker_link_requests.py::test_a_link_of_another_signature_is_refused",
        edits=(
            Edit(
                "consumer/web/tracker/calls/links.py",
                old="    if request.contact or request.url is not None:\n",
                new="    if request.url is not None:\n",
            ),
        ),
    ),
    Mutant(
        "clock-corrected-exactly",
        breaks="the correction of a caller's clock differs from one attempt to the next",
        test="tests/unit/test_tracker_calls.py::test_the_time_of_an_event",
        edits=(
            Edit(
                "consumer/web/tracker/calls/occurred_at.py",
                old="    return (difference + _MINUTE // 2) // _MINUTE * _MINUTE\n",
                new="    return difference\n",
            ),
        ),
    ),
    Mutant(
        "pages-in-properties-uncut",
        breaks="queries of pages are kept in the properties of page calls",
        test="tests/unit/test_tracker_calls.py::test_properties_of_a_page_are_cut",
        edits=(
            Edit(
                "consumer/web/tracker/calls/records.py",
                old="        _cut_page(properties, allowed) if call.type == Kind.PAGE else properties,\n",
                new="        properties,\n",
            ),
        ),
    ),
    Mutant(
        "servers-are-robots",
        breaks="the user agent of a server's library makes its events a robot's",
        test="tests/unit/test_tracker_calls.py::test_whom_robots_are_looked_for_in",
        edits=(
            Edit(
                "consumer/web/tracker/calls/context.py",
                old="if sender.is_person else said\n",
                new="if sender.user_agent else said\n",
            ),
        ),
    ),
    Mutant(
        "first-link-of-a-scan",
        breaks="the first link of a scan is taken for a person's",
        test="tests/unit/test_tracker_robots.py::test_a_scan_is_several_links_at_once",
        edits=(
            Edit(
                "consumer/web/tracker/robots/mail_scans.py",
                old="if abs(when - at) <= self.seconds}",
                new="if 0 <= at - when <= self.seconds}",
            ),
        ),
    ),
    Mutant(
        "script-before-consent",
        breaks="the script records before a visitor has consented",
        test="tests/tracker/test_script.py::test_before_consent_nothing_is_kept_or_sent",
        edits=(
            Edit(
                "consumer/web/tracker/script/tracker.js",
                old=' || (choice != "no" && mode != "required")',
                new=' || choice != "no"',
            ),
        ),
    ),
    Mutant(
        "script-against-objections",
        breaks="consent comes before Do Not Track and Global Privacy Control",
        test="tests/tracker/test_script.py::test_browsers_that_object",
        edits=(
            Edit(
                "consumer/web/tracker/script/tracker.js",
                old="if (!storage || objects()) return false;",
                new="if (!storage) return false;",
            ),
        ),
    ),
    Mutant(
        "script-keeps-after-refusal",
        breaks="a refusal leaves what was kept of a visitor in the browser",
        test="tests/tracker/test_script.py::test_consent_that_is_withdrawn",
        edits=(
            Edit(
                "consumer/web/tracker/script/tracker.js",
                old="    if (!given) forget();\n    else if (!before) {",
                new="    if (given && !before) {",
            ),
        ),
    ),
    Mutant(
        "script-forgets-before-answer",
        breaks="a beacon counts as an answer of the tracker",
        test="tests/tracker/test_script.py::test_leaving_the_page",
        edits=(
            Edit(
                "consumer/web/tracker/script/tracker.js",
                old="    if (leaving) return navigator.sendBeacon(endpoint, body);",
                new="    if (leaving) return navigator.sendBeacon(endpoint, body) && keys.forEach(remove);",
            ),
        ),
    ),
    Mutant(
        "script-two-people",
        breaks="two people at one browser are one visitor",
        test="tests/tracker/test_script.py::test_people_who_sign_in",
        edits=(
            Edit(
                "consumer/web/tracker/script/tracker.js",
                old='      if (read("user") && read("user") != userId) api.reset();\n',
                new="",
            ),
        ),
    ),
    Mutant(
        "expired-keys-are-valid",
        breaks="a key that was replaced is valid for ever",
        test="tests/web/test_known_keys.py::test_a_rotated_key_is_valid_for_a_while",
        edits=(
            Edit(
                "consumer/web/tracker/known_keys.py",
                old="        if known is None or self._is_over(known):\n",
                new="        if known is None:\n",
            ),
        ),
    ),
    Mutant(
        "ended-by-a-slow-clock",
        breaks="a revoked key is valid until the clock of the process has caught up",
        test="tests/web/test_known_keys.py::test_a_clock_that_is_slow_keeps_no_key_alive",
        edits=(
            Edit(
                "sql/queries/tracker_tokens.sql",
                old="array_agg(case when one.expires_at <= now() then 'epoch' else one.expires_at end)",
                new="array_agg(one.expires_at)",
            ),
        ),
    ),
    Mutant(
        "revoked-without-a-revision",
        breaks="no process hears that a token was revoked",
        test="tests/web/test_known_keys.py::test_a_revoked_token_stops",
        edits=(
            Edit(
                "sql/queries/tracker_tokens.sql",
                old="update tracker_tokens set revision = $2, revoked_at = now() where id = $1",
                new="update tracker_tokens set revoked_at = now() where id = $1 and $2 > 0",
            ),
        ),
    ),
    Mutant(
        "lost-commits-of-keys",
        breaks="tokens that the database has lost stay known",
        test="tests/web/test_known_keys.py::test_lost_commits_are_noticed",
        edits=(
            Edit(
                "consumer/web/tracker/known_keys.py",
                old="        if keys is None or keys.incarnation != incarnation or keys.revision > revision:\n",
                new="        if keys is None or keys.incarnation != incarnation:\n",
            ),
        ),
    ),
    Mutant(
        "counts-of-an-outage",
        breaks="counts that could not be written are forgotten",
        test="tests/web/test_known_keys.py::test_counts_wait_for_no_lock",
        edits=(
            Edit(
                "consumer/web/tracker/known_keys.py",
                old="            for token, left in counts.items():\n",
                new="            for token, left in dict[str, _Count]().items():\n",
            ),
        ),
    ),
    Mutant(
        "clicks-lead-anywhere",
        breaks="the page that a link leads to is not signed",
        test="tests/unit/test_tracker_links.py::test_a_click_leads_where_it_was_signed_for",
        edits=(
            Edit(
                "consumer/domain/tracker_links.py",
                old="    parts = [part for part in link if part is not None]\n",
                new="    parts = [part for part in link[:3] if part is not None]\n",
            ),
        ),
    ),
    Mutant(
        "answered-before-kafka",
        breaks="a call is answered 200 before Kafka has its event",
        test="tests/tracker/test_without_kafka.py::test_a_broker_that_freezes",
        edits=(
            Edit(
                "consumer/web/tracker/handle_calls.py",
                old="        await tracker.writer.write(records)\n",
                new="        tracker.writer.write(records)\n",
            ),
        ),
    ),
    Mutant(
        "last-record-of-a-full-batch",
        breaks="the record that a full batch has no room for is dropped, and its call answered 200",
        test="tests/tracker/test_calls.py::test_more_than_one_batch_of_kafka_takes",
        edits=(
            Edit(
                "consumer/web/tracker/kafka_writer.py",
                old="                if taken_in is None:\n                    break\n",
                new="",
            ),
            Edit(
                "consumer/web/tracker/kafka_writer.py",
                old="                if calls and builder.size() + len(record.value) > self._batch_bytes:\n",
                new="                if calls and not self._batch_bytes:\n",
            ),
        ),
    ),
    Mutant(
        "burst-at-the-edge-of-a-window",
        breaks="what the window before has brought does not count",
        test="tests/tracker/test_limits.py::test_a_window_has_room_for_ten_seconds",
        edits=(
            Edit(
                "consumer/web/tracker/limits.py",
                old="        if self._sliding and (before := self._before.get(key)):\n",
                new="        if not self._sliding and (before := self._before.get(key)):\n",
            ),
        ),
    ),
    Mutant(
        "origin-left-out",
        breaks="a call without an origin passes where a token has origins",
        test="tests/tracker/test_calls.py::test_refusals_say_why",
        edits=(
            Edit(
                "consumer/web/tracker/tracker.py",
                old="        if found.origins and not any_origin and request.origin not in found.origins:\n",
                new="        if found.origins and request.origin and request.origin not in found.origins:\n",
            ),
        ),
    ),
    Mutant(
        "forwarded-by-anybody",
        breaks="X-Forwarded-For is believed from any client",
        test="tests/tracker/test_client_address.py::test_addresses",
        edits=(
            Edit(
                "consumer/web/tracker/client_address.py",
                old="        if not self._proxies or not forwarded or not self._trusted(peer):\n",
                new="        if not self._proxies or not forwarded:\n",
            ),
        ),
    ),
    Mutant(
        "earlier-window-brought-back",
        breaks="an instant of an earlier window empties the counters of all tokens",
        test="tests/tracker/test_limits.py::test_an_earlier_instant_resets_nothing",
        edits=(
            Edit(
                "consumer/web/tracker/limits.py",
                old="            if began - _SET_BACK <= now < began:\n",
                new="            if now < began - _SET_BACK:\n",
            ),
        ),
    ),
    Mutant(
        "half-sent-body-at-work",
        breaks="clients that never complete their bodies keep all others out",
        test="tests/unit/test_http_server.py::test_half_sent_bodies_displace_nobody_who_sends",
        edits=(
            Edit(
                "consumer/infra/http_connections.py",
                old="_INCOMPLETE = (h11.IDLE, h11.SEND_BODY)\n",
                new="_INCOMPLETE = (h11.IDLE,)\n",
            ),
        ),
    ),
)
