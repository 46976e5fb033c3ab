"""What is made of a segment's conditions: SQL of our own words, and everything a user gave as a parameter."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from consumer.domain.frame import Band, Frame
from consumer.scoring.segments.definition import Match, named_bands, named_keys
from consumer.scoring.segments.member_sql import (
    MatchContext,
    Parameters,
    member_condition,
    member_selection,
    score_bounds,
)

NOW = datetime(2026, 3, 20, tzinfo=UTC)
GIVEN = MatchContext(7, 70, {"won": 1, "opened": 2}, {"purchase": 11}, NOW)


def _match(*conditions: dict[str, Any], how: str = "all") -> Match:
    return Match.model_validate({how: conditions})


def _one(match: Match) -> tuple[str, list[Any]]:
    parameters = Parameters(5)
    return member_condition(match, GIVEN, parameters, contact="c.id"), parameters.values


def test_what_a_user_gave_is_a_parameter() -> None:
    """The SQL of two segments of the same shape is the same, whatever they name and however much they ask."""
    matches = [
        _match(
            {"score": {"group": group, "min": least}},
            {"count": {"definitions": [definition], "min": least}},
            {"last_event": {"definitions": [definition], "within_days": least}},
        )
        for group, definition, least in (("purchase", "won", 3), ("drop_table", "delete_from", 977))
    ]
    [conditions] = {_one(match)[0] for match in matches}
    [selection] = {member_selection(match, GIVEN, Parameters()) for match in matches}
    assert not re.search("977|drop_table|delete_from", conditions + selection)


def test_owners_tags_and_days_are_parameters() -> None:
    """They are parameters as well, of a condition that must not hold too."""
    texts = {
        _one(
            _match(
                {"not": {"owner": {"any_of": [word]}}},
                {"tags": {"all_of": [word]}},
                {"first_seen": {"within_days": days}},
                {"count": {"definitions": ["won"], "max": 0, "within_days": days}},
            )
        )[0]
        for word, days in (("rosa", 3), ("drop_table", 977))
    }
    [text] = texts
    assert text.startswith("((not exists")
    assert not re.search("977|drop_table", text)


def test_parameters_are_numbered_on_and_told_once() -> None:
    """Their numbers begin where the caller says; the same value of the same name is one parameter."""
    text, values = _one(_match({"count": {"definitions": ["won", "gone"], "min": 2}}, {"score": {"min": 2}}))
    assert values == [[1, -1], 2, 2**62, True, 70, 0]
    assert {int(number) for number in re.findall(r"\$(\d+)", text)} == set(range(5, 11))


def test_who_has_none_has_0() -> None:
    """Bounds that hold 0 are asked the other way round: that nothing lies outside them, for 0 may have no row."""
    for asked, holds in (
        ({"min": 1}, True),
        ({"max": -1}, True),
        ({"max": 0}, False),
        ({"min": -1, "max": 1}, False),
    ):
        text, values = _one(_match({"score": asked}))
        assert text.startswith("(exists") is holds
        assert values[-1] is holds


def test_days_are_counted_back_from_now() -> None:
    """The last event is looked for since so many times 24 hours ago."""
    _, values = _one(_match({"last_event": {"not_within_days": 3}}))
    assert values == [7, NOW - timedelta(days=3), None]


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        (_match({"score": {"min": 3}}, {"score": {"min": 1, "max": 9}}), (3, 9)),
        (_match({"score": {"min": 3}}, {"score": {"group": "purchase", "min": 8}}), (3, 2**62)),
        (_match({"any": [{"score": {"min": 3}}]}), (-(2**62), 2**62)),
        (_match({"score": {"min": 3}}, how="any"), (-(2**62), 2**62)),
    ],
    ids=range(4),
)
def test_a_list_need_not_go_beyond_what_all_members_have(match: Match, expected: tuple[int, int]) -> None:
    """Of overall, what every member must have is known where the match says so without alternatives."""
    assert score_bounds(match, GIVEN, profile=70, group=0) == expected
    assert score_bounds(match, GIVEN, profile=71, group=0) == (-(2**62), 2**62)


def test_bands_are_ranges_of_sums() -> None:
    """A band asks for the sums that show it, beyond the bounds too; one that there is not asks for none."""
    bands = (Band("cold"), Band("warm", 20), Band("hot", 50))
    given = replace(GIVEN, frames={0: Frame(0, 100, bands=bands), 11: Frame(bands=bands)})
    for asked, holds, ranges in (
        ({"in": ["hot"]}, True, [50, 2**62]),
        ({"in": ["warm"]}, True, [20, 49]),
        ({"in": ["hot", "warm"]}, True, [50, 2**62, 20, 49]),
        ({"in": ["hot", "cold"], "group": "purchase"}, False, [50, 2**62, -(2**62), 19]),
        ({"in": ["gone"]}, True, []),
    ):
        parameters = Parameters()
        text = member_condition(_match({"band": asked}), given, parameters, contact="c.id")
        assert text.startswith("(exists") is holds
        assert [value for value in parameters.values if value not in (0, 11, 70, True, False)] == ranges
        assert ("(false) = " in text) is (not ranges)
    both = _match({"band": {"in": ["warm", "hot"]}}, {"score": {"max": 80}})
    assert score_bounds(both, given, profile=70, group=0) == (20, 80)


def test_what_a_match_names_is_found_where_it_stands() -> None:
    """Each group and definition with its place, nested ones too."""
    match = _match(
        {"any": [{"score": {"group": "purchase", "min": 1}}, {"count": {"definitions": ["won"], "max": 0}}]},
        {"last_event": {"definitions": ["won", "opened"], "within_days": 1}},
        {"not": {"count": {"definitions": ["gone"], "min": 1}}},
    )
    assert [(".".join(map(str, path)), what, key) for path, what, key in named_keys(match)] == [
        ("all.0.any.0.score.group", "group", "purchase"),
        ("all.0.any.1.count.definitions.0", "definition", "won"),
        ("all.1.last_event.definitions.0", "definition", "won"),
        ("all.1.last_event.definitions.1", "definition", "opened"),
        ("all.2.not.count.definitions.0", "definition", "gone"),
    ]


def test_bands_are_found_where_they_stand() -> None:
    """Each band with its place and its group, and the group among what is named."""
    match = _match(
        {"band": {"in": ["warm", "hot"]}}, {"any": [{"not": {"band": {"in": ["A"], "group": "fit"}}}]}
    )
    assert [(".".join(map(str, path)), group, key) for path, group, key in named_bands(match)] == [
        ("all.0.band.in.0", None, "warm"),
        ("all.0.band.in.1", None, "hot"),
        ("all.1.any.0.not.band.in.0", "fit", "A"),
    ]
    assert [key for _, _, key in named_keys(match)] == ["fit"]
    assert match.documented()["all"][0] == {"band": {"in": ["warm", "hot"]}}
