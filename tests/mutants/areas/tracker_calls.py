"""Mutants of what becomes of the calls and links of a tracker."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Mutant

MUTANTS = (
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
)
