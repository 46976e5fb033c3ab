"""Mutants of the configuration and the API."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Mutant

MUTANTS = (
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
)
