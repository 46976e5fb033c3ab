"""Mutants of bounds, groups apart and bands."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Mutant

MUTANTS = (
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
        "bands-in-use-dropped",
        breaks="a publish takes away bands that segments name",
        test="tests/web/test_bands_in_use.py::test_a_publish_does_not_take_away_what_a_segment_names",
        edits=(
            Edit(
                "consumer/catalog/change.py",
                old="    for profile, taken in bands_taken_away(before, after).items():\n",
                new="    for profile, taken in bands_taken_away(after, after).items():\n",
            ),
        ),
    ),
    Mutant(
        "segments-not-waited-for",
        breaks="a publish does not see a segment that is being saved",
        test="tests/web/test_bands_in_use.py::test_a_segment_that_is_being_saved_is_waited_for",
        edits=(
            Edit(
                "consumer/catalog/change.py",
                old="    await repository.lock_segments(connection, account)\n",
                new="",
            ),
        ),
    ),
    Mutant(
        "band-of-nothing",
        breaks="a contact without points in a group is not in the band of 0",
        test="tests/web/test_band_counts.py::test_the_counts_are_those_of_the_list",
        edits=(
            Edit(
                "consumer/web/api/profiles/bands.py",
                old="        contacts[group, str(frame.band(0))] += everyone - known\n",
                new="        contacts[group, str(frame.band(0))] += 0 * (everyone - known)\n",
            ),
        ),
    ),
    Mutant(
        "score-at-and-at",
        breaks="an event dated at the instant itself is part of the score at that instant",
        test="tests/web/test_past_scores.py::test_vectors",
        edits=(
            Edit(
                "sql/queries/contact_timeline.sql",
                old="count(*) filter (where occurred_at < $3) as before",
                new="count(*) filter (where occurred_at <= $3) as before",
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
                old="shown < band.least:",
                new="shown <= band.least:",
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
                old="    if stood == now:  # bands follow from what is shown\n        return None\n",
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
        "preview-of-new-bands-alone",
        breaks="a preview compares with the draft's own thresholds: those that move move nobody",
        test="tests/pipeline/test_preview_bands.py::test_who_enters_and_leaves_each_band",
        edits=(
            Edit(
                "consumer/scoring/profile_publish/preview_comparison.py",
                old="        was = dict(_ranges(frames.get(group, PLAIN).bands))\n",
                new="        was = dict(_ranges(frame.bands)) if group in frames else {}\n",
            ),
        ),
    ),
    Mutant(
        "band-by-sum",
        breaks="the band of overall is that of the groups' sums, not of what they show",
        test="tests/pipeline/test_vectors.py::test_vector[band-of-what-groups-show]",
        edits=(
            Edit(
                "consumer/contact_state/messages.py",
                old="_bands(frames, said, frames, now))",
                new="_bands(frames, said, frames, {**now, 0: sum(published.groups.values())}))",
            ),
        ),
    ),
    Mutant(
        "thresholds-after-a-tombstone",
        breaks="a publish of thresholds moves a contact of which nothing was said since its tombstone",
        test="tests/pipeline/test_band_messages.py::test_after_a_tombstone_thresholds_move_nobody",
        edits=(
            Edit(
                "sql/queries/announce.sql",
                old="n.announced_version is null or e.nothing_since then",
                new="n.announced_version is null then",
            ),
        ),
    ),
    Mutant(
        "batch-after-a-tombstone",
        breaks="before its announcement a batch moves a contact of which nothing was said since its tombstone",
        test="tests/pipeline/test_band_messages.py::test_after_a_tombstone_a_batch_comes_before_the_announcement",
        edits=(
            Edit(
                "consumer/contact_state/messages.py",
                old="last.message_version == ended:\n        last = None",
                new="last.message_version == ended:\n        last = last",
            ),
        ),
    ),
    Mutant(
        "acts-again",
        breaks="the program of the documentation acts on a crossing as often as it reads it",
        test="tests/kafka/test_acting_on_crossings.py::test_it_acts_once_on_each_crossing",
        edits=(
            Edit(
                "docs/operations.md",
                old="        if is_new and data[",
                new="        if data[",
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
)
