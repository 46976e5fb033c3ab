"""Bounds, bands and groups apart in catalog documents: what is refused, where, and what waits for a publish."""

from __future__ import annotations

from typing import Any

import pytest

from consumer.catalog import DEFAULT_LIMITS, DocumentFaultsError, parse_document
from consumer.catalog.diff import differences
from consumer.catalog.document.from_json import JsonFaultsError, document_from_json
from consumer.catalog.merge import merge
from consumer.catalog.model.account import AccountCatalog
from consumer.domain.frame import Band, Frame
from tests.builders.catalog_documents import document, groups
from tests.pipeline.service import parsed

_HEAD = """engagement_catalog: 1
account: acme
groups:
  - {key: fit, name: Fit, icon: cart}
profiles:
  - key: lead_score
    name: Lead score
    primary: true
"""
_BANDS = [{"key": "cold"}, {"key": "hot", "min": 20}]


def stored(**frames: Any) -> AccountCatalog:
    """Make an account whose primary profile has these frames."""
    return merge(AccountCatalog("acme"), parsed(with_frames(**frames)))


def with_frames(**frames: Any) -> dict[str, Any]:
    profile = {"key": "lead_score", "name": "Lead score", "primary": True, "published": True, **frames}
    return document(groups=groups("purchase", "fit"), profiles=[profile])


def bands(*listed: str, before: str = "") -> str:
    """Write bands of overall, each on a line of its own from the 11th on, or 12th where a field is before them."""
    lines = [
        "overall:",
        *([f"  {before}"] if before else []),
        "  bands:",
        *(f"    - {one}" for one in listed),
    ]
    return "\n    ".join(lines)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("overall: {floor: 5}", 9, "overall: floor must be a whole number from -1000000000 to 0, not 5"),
        ("overall: {cap: -1}", 9, "overall: cap must be a whole number from 0 to 1000000000, not -1"),
        ("overall: {apart: true}", 9, 'overall: unknown key "apart"'),
        ("overall: [1]", 9, "overall must be a mapping, not a list"),
        ("overall: {bands: [{key: cold}]}", 9, "overall: bands must be from 2 to 10, not 1"),
        (bands("{key: cold}", "{min: 1}"), 12, "band 2: key is missing"),
        (bands("{key: cold, min: 1}", "{key: hot, min: 2}"), 11, "min is not for the first"),
        (bands("{key: cold}", "{key: hot}"), 12, "band 2: min is missing"),
        (bands("{key: a}", "{key: a, min: 1}"), 12, "the key is repeated, first on line 11"),
        (bands("{key: a}", "{key: b, min: 9}", "{key: c, min: 9}"), 13, "above that of the band before, 9, not 9"),
        (bands("{key: a}", "{key: b, min: 11}", before="cap: 10"), 13, "min must not be above the cap, 10, not 11"),
        (bands("{key: a}", "{key: b, min: 0}", before="floor: 0"), 13, "min must be above the floor, 0, not 0"),
        ("overall: {bands: [{key: 7}, {key: hot, min: 1}]}", 9, "band 1: key must be text"),
        ("groups: {fit: {apart: 1}}", 9, "groups: fit: apart must be true or false, not 1"),
        ("groups:\n      fit: {}\n      fits: {cap: 10}", 11, "profile lead_score: groups: there is no group fits"),
        ("groups:\n      Fit: {cap: 1}", 10, 'groups: "Fit" is not a valid group key'),
    ],
)  # fmt: skip
def test_a_faulty_frame_says_where(text: str, line: int, words: str) -> None:
    """Each fault of bounds and bands is named with its line (5.26, 5.31)."""
    with pytest.raises(DocumentFaultsError) as caught:
        parse_document(f"{_HEAD}    {text}\n", stored=AccountCatalog("acme"))
    [fault] = caught.value.faults
    assert fault.line == line
    assert words in fault.message


def test_null_bounds_nothing() -> None:
    """A bound of null is none, and so is the lower end of the first band, as the API answers them."""
    bands = [{"key": "cold", "min": None}, {"key": "hot", "min": 20}]
    given = {
        "overall": {"floor": None, "cap": 100, "bands": bands},
        "groups": {"fit": {"apart": False, "cap": None}},
    }
    [profile] = parsed(with_frames(**given)).profiles
    assert profile.values["overall"] == Frame(None, 100, False, (Band("cold"), Band("hot", 20)))
    assert profile.values["groups"] == {}


def test_a_fault_of_the_api_names_its_field() -> None:
    """A faulty frame in a body is named by the path of its field."""
    profile = {"key": "lead_score", "groups": {"fit": {"bands": [{"key": "C"}, {"key": "B", "min": "x"}]}}}
    with pytest.raises(JsonFaultsError) as caught:
        document_from_json({"profiles": [profile]}, stored(), DEFAULT_LIMITS)
    assert [fault.path for fault in caught.value.faults] == [
        ("profiles", 0, "groups", "fit", "bands", 1, "min")
    ]


def test_a_document_without_frames_keeps_them() -> None:
    """`overall` and `groups` are one value each: left out they stay, given they replace all of it."""
    before = stored(overall={"cap": 100, "bands": _BANDS}, groups={"fit": {"apart": True}})
    kept, capped = (
        merge(before, parsed(with_frames(**frames))).profiles["lead_score"]
        for frames in ({}, {"overall": {"cap": 50}})
    )
    assert (kept.overall, kept.groups) == (before.profiles["lead_score"].overall, {"fit": Frame(apart=True)})
    assert (capped.overall, capped.groups) == (Frame(cap=50), {"fit": Frame(apart=True)})


def test_what_waits_for_a_publish() -> None:
    """A difference of frames is a line each, pending until it is published (5.24)."""
    before = stored(overall={"cap": 100}, groups={"fit": {"apart": True}})
    changed = with_frames(overall={"cap": 100, "bands": _BANDS}, groups={"purchase": {"cap": 5}})
    changed["profiles"][0]["published"] = False
    shown = [str(one) for one in differences(before, parsed(changed), DEFAULT_LIMITS)[0]]
    assert shown == [
        "profile lead_score: overall {cap: 100} -> {cap: 100, bands: [{key: cold}, {key: hot, min: 20}]} (pending)",
        "profile lead_score: groups.fit {apart: true} -> none (pending)",
        "profile lead_score: groups.purchase none -> {cap: 5} (pending)",
    ]


def test_publishing_freezes_frames() -> None:
    """A publish of nothing but frames makes a version with them; the same again is nothing to publish."""
    after = merge(stored(), parsed(with_frames(overall={"cap": 100}))).profiles["lead_score"]
    assert after.version is not None
    assert (after.version.number, after.version.overall) == (2, Frame(cap=100))
    again = merge(stored(overall={"cap": 100}), parsed(with_frames(overall={"cap": 100})))
    assert again == stored(overall={"cap": 100})
