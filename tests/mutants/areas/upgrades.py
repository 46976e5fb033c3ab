"""Mutants of the schema and of upgrades."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Mutant

MUTANTS = (
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
)
