"""Limits of an account: what exceeds one is a fault with its line; what exceeds it already may stay."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from consumer.catalog import DEFAULT_LIMITS, CatalogLimits, DocumentFaultsError, parse_document
from consumer.catalog.merge import merge
from consumer.catalog.model.account import AccountCatalog
from consumer.infra.settings import Settings

# Two groups, three definitions of which two take deal.won, one profile with two own weights.
STORED = """\
engagement_catalog: 1
account: acme
groups:
  - {key: a, name: A, icon: cart}
  - {key: b, name: B, icon: cart}
definitions:
  - {key: one, name: One, group: a, icon: cart, default_points: 1, events: [deal.won, deal.lost]}
  - {key: two, name: Two, group: a, icon: cart, default_points: 1, events: [deal.won]}
  - {key: off, name: Off, group: a, icon: cart, default_points: 1, events: [deal.won], active: false}
profiles:
  - {key: lead_score, name: Lead score, primary: true, weights: {one: 1, two: 2}}
"""
HEAD = "engagement_catalog: 1\naccount: acme\n"
NEW = "name: N, group: a, icon: cart, default_points: 1"
CONDITION = "{path: amount, op: exists}"


def stored() -> AccountCatalog:
    """Return an account with the document above."""
    return merge(AccountCatalog("acme"), parse_document(STORED, stored=AccountCatalog("acme")))


def faults_of(text: str, **limits: int) -> list[str]:
    """Return the faults of applying these sections to that account under the default limits but these."""
    try:
        parse_document(HEAD + text, stored=stored(), limits=replace(DEFAULT_LIMITS, **limits))
    except DocumentFaultsError as error:
        return [str(fault) for fault in error.faults]
    return []


@pytest.mark.parametrize(
    ("limits", "text", "fault"),
    [
        (
            {"max_groups": 3},
            (
                "groups:\n  - {key: c, name: C, icon: cart}\n  - {key: b, name: B}\n"
                "  - {key: d, name: D, icon: cart}\n  - {key: e, name: E, icon: cart}\n"
            ),
            "line 6: the account would have 5 groups, more than the limit of 3 (ENGAGEMENT_MAX_GROUPS)",
        ),
        (
            {"max_definitions": 3},
            f"definitions:\n  - {{key: new, {NEW}, events: [x]}}\n",
            "line 4: the account would have 4 definitions, more than the limit of 3 (ENGAGEMENT_MAX_DEFINITIONS)",
        ),
        (
            {"max_profiles": 1},
            "profiles:\n  - {key: lead_score, name: X}\n  - {key: other, name: Other}\n",
            "line 5: the account would have 2 profiles, more than the limit of 1 (ENGAGEMENT_MAX_PROFILES)",
        ),
        (
            {"max_profile_weights": 2},
            "profiles:\n  - key: lead_score\n    weights: {one: 1, two: 2, off: 3}\n",
            (
                "line 5: profile lead_score: would have 3 own weights, more than the limit of 2 "
                "(ENGAGEMENT_MAX_PROFILE_WEIGHTS)"
            ),
        ),
        (
            {"max_definition_events": 2},
            "definitions:\n  - key: two\n    events: [a, b, c]\n",
            (
                "line 5: definition two: would have 3 events, more than the limit of 2 "
                "(ENGAGEMENT_MAX_DEFINITION_EVENTS)"
            ),
        ),
        (
            {"max_definition_conditions": 1},
            f"definitions:\n  - key: two\n    when: [{CONDITION}, {CONDITION}]\n",
            (
                "line 5: definition two: would have 2 conditions, more than the limit of 1 "
                "(ENGAGEMENT_MAX_DEFINITION_CONDITIONS)"
            ),
        ),
        (
            {"max_type_definitions": 3},
            f"definitions:\n  - {{key: new, {NEW}, events: [deal.won, x]}}\n  - key: off\n    active: true\n",
            (
                'line 6: definition off: event type "deal.won" would have 4 active definitions, '
                "more than the limit of 3 (ENGAGEMENT_MAX_TYPE_DEFINITIONS)"
            ),
        ),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_count_above_its_limit_is_a_fault(limits: dict[str, int], text: str, fault: str) -> None:
    """Refused at the line that exceeds it, with the count, the limit and its setting; at the limit, accepted."""
    assert faults_of(text, **limits) == [fault]
    assert faults_of(text) == []
    [(name, limit)] = limits.items()
    wanted = {"max_groups": limit + 2}.get(name, limit + 1)
    assert faults_of(text, **{name: wanted}) == []


def test_faults_of_limits_come_with_all_others() -> None:
    """A document with another fault, too, is reported with both."""
    text = f"definitions:\n  - {{key: new, {NEW}, events: [x]}}\n  - {{key: two, group: nowhere}}\n"
    assert faults_of(text, max_definitions=3) == [
        "line 4: the account would have 4 definitions, more than the limit of 3 (ENGAGEMENT_MAX_DEFINITIONS)",
        "line 5: definition two: there is no group nowhere",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "name: Other\n",
        "groups:\n  - {key: a, name: Renamed}\n",
        "definitions:\n  - {key: one, default_points: 9, events: [deal.won, other]}\n",
        "definitions:\n  - {key: two, active: false}\n  - {key: off, active: true}\n",
        "definitions:\n  - {key: one, events: [deal.lost]}\n",
        "profiles:\n  - {key: lead_score, weights: {one: 5, off: 6}}\n",
    ],
)
def test_an_account_that_exceeds_limits_can_be_changed(text: str) -> None:
    """Every limit is exceeded already: what raises no exceeded count is allowed, exchanges of equal number too."""
    ones = dict.fromkeys(DEFAULT_LIMITS.__dataclass_fields__, 1)
    assert faults_of(text, **ones) == []


def test_an_exceeded_count_must_not_grow() -> None:
    """Above its limit a count may shrink or stay; one more is refused, with what it would be."""
    more = "definitions:\n  - {key: one, events: [deal.won, deal.lost, x]}\n  - {key: off, active: true}\n"
    assert faults_of(more, max_definition_events=1, max_type_definitions=1) == [
        (
            "line 4: definition one: would have 3 events, more than the limit of 1 "
            "(ENGAGEMENT_MAX_DEFINITION_EVENTS)"
        ),
        (
            'line 5: definition off: event type "deal.won" would have 3 active definitions, '
            "more than the limit of 1 (ENGAGEMENT_MAX_TYPE_DEFINITIONS)"
        ),
    ]


def test_limits_are_the_settings_of_their_names() -> None:
    """Each limit is a setting of its own, with the default that semantics 3.18 names."""
    addresses: dict[str, Any] = {"database_url": "postgresql://d/d", "kafka_bootstrap": "k:9092"}
    assert CatalogLimits.of(Settings(**addresses)) == CatalogLimits(
        max_definitions=1000,
        max_groups=100,
        max_profiles=50,
        max_profile_weights=2000,
        max_segments=500,
        max_definition_events=50,
        max_definition_conditions=50,
        max_type_definitions=100,
    )
    assert CatalogLimits.of(Settings(**addresses, max_groups=7)) == replace(DEFAULT_LIMITS, max_groups=7)
