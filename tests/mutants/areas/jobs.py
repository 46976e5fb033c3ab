"""Mutants of background jobs."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Mutant

MUTANTS = (
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
)
