"""Mutants of changes beside batches."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Mutant

MUTANTS = (
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
)
