"""Mutants of purges."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Mutant

MUTANTS = (
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
)
