"""That the oracle reads bounds and bands as semantics §5 and §6 mean them, beyond what the vectors show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.builders.events import event
from tests.oracle import Oracle, OracleRecord

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
BANDS = [{"key": "cold"}, {"key": "hot", "min": 20}]


def catalog(*, definitions: list[tuple[str, str, int, str]] | None = None, **frames: Any) -> dict[str, Any]:
    """Make an account; definitions: key, group, points and type of each. frames: `overall` and `groups`."""
    drawn = definitions or [("won", "deals", 10, "deal.won"), ("lost", "deals", -10, "deal.lost")]
    return {
        "account": "acme",
        "groups": [{"key": "deals"}, {"key": "fit"}],
        "definitions": [
            {"key": key, "group": group, "default_points": points, "events": [type_]}
            for key, group, points, type_ in drawn
        ],
        "profiles": [{"key": "lead_score", "primary": True, "published": True, **frames}],
    }


def record(second: int, type_: str = "deal.won", **attributes: Any) -> OracleRecord:
    """Make a record of ann's, so many seconds after noon."""
    at = NOON + timedelta(seconds=second)
    given = {"type": type_, "time": at.isoformat(), "timestamp": NOON + timedelta(hours=1), **attributes}
    return event(f"e{second}", **given)


def test_bands_that_appear_and_go() -> None:
    """Where the version before had no bands the first `previous` is null, for contacts that had a message."""
    oracle = Oracle()
    oracle.apply(catalog())
    oracle.batch([record(0), record(1), record(2, subject="bob"), record(3, type_="track.x", subject="cem")])
    oracle.batch([record(4, "contact.upserted", subject="cem")])
    oracle.apply(catalog(overall={"bands": BANDS}))
    oracle.apply(catalog(overall={}))
    oracle.batch([record(5)])
    oracle.apply(catalog(overall={"bands": BANDS}))

    bands = [(message.contact, message.causes, message.bands) for message in oracle.messages]
    assert bands == [
        ("ann", ("events",), {}),
        ("bob", ("events",), {}),
        ("ann", ("publish",), {None: (None, "hot")}),
        ("bob", ("publish",), {None: (None, "cold")}),
        ("ann", ("events",), {}),
        ("ann", ("publish",), {None: (None, "hot")}),
        ("bob", ("publish",), {None: (None, "cold")}),
    ]


def test_the_event_of_a_crossing() -> None:
    """It is the last whose points go the way of the axis: of overall none of a group apart."""
    oracle = Oracle()
    of_fit = ("fits", "fit", 30, "deal.created")
    definitions = [("won", "deals", 10, "deal.won"), ("lost", "deals", -10, "deal.lost"), of_fit]
    frames = {"overall": {"bands": BANDS}, "groups": {"fit": {"apart": True, "bands": BANDS}}}
    oracle.apply(catalog(definitions=definitions, **frames))
    oracle.batch(
        [record(second) for second in (0, 1, 2)] + [record(3, "deal.lost"), record(4, "deal.created")]
    )

    found = [(one.group, one.points, one.event and one.event.id) for one in oracle.band_changes]
    assert found == [(None, (0, 20), "e2"), ("fit", (0, 30), "e4")]


def test_a_threshold_that_moves_is_no_event() -> None:
    """A crossing by a publish names no event, and the contact as it is called then."""
    oracle = Oracle()
    oracle.apply(catalog(overall={"bands": BANDS}))
    named = record(1, "contact.upserted", data='{"name": "Ann", "owner": "mia"}')
    oracle.batch([record(0), named])
    oracle.apply(catalog(overall={"bands": [{"key": "cold"}, {"key": "hot", "min": 10}]}))

    [one] = oracle.band_changes
    assert (one.previous, one.current, one.points) == ("cold", "hot", (10, 10))
    assert (one.name, one.owner, one.event) == ("Ann", "mia", None)


def test_a_band_after_a_tombstone() -> None:
    """The first `previous` after a tombstone is the band of 0 again."""
    oracle = Oracle()
    oracle.apply(catalog(overall={"bands": BANDS}))
    oracle.batch([record(0), record(1)])
    oracle.batch([record(5, "contact.deleted")])
    oracle.carry_out()
    oracle.batch([record(10), record(11)])

    assert [(one.previous, one.current) for one in oracle.band_changes] == [("cold", "hot"), ("cold", "hot")]
