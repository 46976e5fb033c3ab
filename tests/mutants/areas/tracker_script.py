"""Mutants of the script on a page."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Mutant

MUTANTS = (
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
)
