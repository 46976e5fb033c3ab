"""Mutants of what operators and managers see: jobs, audit trail, health, and the console's pages of them."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        "jobs-lost-between-pages",
        breaks="kinds of jobs that one page has not reached are on none",
        test="tests/web/test_jobs.py::test_pages_have_each_job_once",
        edits=(
            Edit(
                "consumer/web/api/jobs.py",
                old='    following |= {row["kind"]: row["id"] + 1 for row in reversed(newest[limit:])}\n',
                new='    following |= {row["kind"]: 0 for row in newest[limit:]}\n',
            ),
        ),
    ),
    Mutant(
        "health-of-other-accounts",
        breaks="an operator of one account reads how much all accounts do",
        test="tests/web/test_service_health.py::test_it_is_for_tokens_of_all_accounts",
        edits=(
            Edit(
                "consumer/web/api/operations/service_health.py",
                old="    if operator.account != ALL_ACCOUNTS:\n",
                new='    if operator.account == "":\n',
            ),
        ),
    ),
    Mutant(
        "unknown-lag-as-none",
        breaks="a lag that is not known is shown as caught up",
        test="tests/web/test_service_health.py::test_lag_is_shown_over_time",
        edits=(
            Edit(
                "consumer/web/api/operations/service_health.py",
                old="then in [each.topics.get(topic, Lag(None, None))]",
                new="then in [each.topics.get(topic, Lag(0, 0.0))]",
            ),
        ),
    ),
    Mutant(
        "discarded-unasked",
        breaks="dead letters are deleted for good by one press of a button",
        test="tests/console/test_health.py::test_all_that_match_are_discarded_after_a_warning",
        edits=(
            Edit(
                "consumer/web/console/health/resolve.py",
                old='    if not visit.form.is_set("confirmed"):\n',
                new='    if visit.form.is_set("unconfirmed"):\n',
            ),
        ),
    ),
    Mutant(
        "secret-shown-twice",
        breaks="a page shows the key of a token again when it is loaded again",
        test="tests/console/test_tracker.py::test_a_token_is_created_and_its_key_shown_once",
        edits=(
            Edit(
                "consumer/web/console/shown_once.py",
                old="    cookies.forget(response, _COOKIE)\n",
                new="",
            ),
        ),
    ),
)
