"""The rules of the plain consumer's oracle, on sequences judged by hand; and that it is no part of the product."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bench.plain_oracle import PlainExpected
from bench.traffic import ACCOUNT, Sent

BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)
_ROOT = Path(__file__).parents[2]


def sent(name: str, minutes: int, type_: str, *, object_id: str = "a") -> Sent:
    """Make a record of contact `ann`, so many minutes after the beginning."""
    event = {
        "id": name,
        "source": "/test",
        "type": type_,
        "subject": "ann",
        "accountid": ACCOUNT,
        "objectid": object_id,
        "time": (BEGIN + timedelta(minutes=minutes)).isoformat(),
    }
    return Sent("messages", 0, b"ann", b"", 0, duplicate=False, event=event)


# The catalog of bench/traffic.py: page 1 point, 30 minutes per contact; opened 3 points, a day per object;
# won 50 points, once per object; clicked 8 points, always; reply 5 points an hour and conversation 10 points once.
@pytest.mark.parametrize(
    ("records", "overall", "rows"),
    [
        pytest.param([sent("1", 0, "email.clicked"), sent("2", 0, "email.clicked")], 16, 2, id="always"),
        pytest.param([sent("1", 0, "email.clicked"), sent("1", 5, "email.clicked")], 8, 1, id="duplicate"),
        pytest.param([sent("1", 0, "deal.won"), sent("2", 9000, "deal.won")], 50, 2, id="once"),
        pytest.param(
            [sent("1", 0, "deal.won"), sent("2", 0, "deal.won", object_id="b")], 100, 2, id="once per object"
        ),
        pytest.param(
            [sent(str(at), at, "track.page_viewed") for at in (0, 29, 30, 59, 60)], 3, 5, id="cooldown"
        ),
        pytest.param(
            [sent("1", 0, "track.page_viewed"), sent("2", 31, "track.page_viewed", object_id="b")],
            2,
            2,
            id="cooldown per contact, over",
        ),
        pytest.param(
            [sent("1", 0, "track.page_viewed"), sent("2", 29, "track.page_viewed", object_id="b")],
            1,
            2,
            id="cooldown per contact, whatever object",
        ),
        pytest.param(
            [sent("1", 120, "track.page_viewed"), sent("2", 0, "track.page_viewed")],
            1,
            2,
            id="late never counts",
        ),
        pytest.param([sent("1", 0, "message.received")], 15, 2, id="two definitions"),
    ],
)
def test_scores_follow_the_order_of_arrival(records: list[Sent], overall: int, rows: int) -> None:
    """Once, cooldown and duplicates are judged by what arrived before; a late event is not moved to its place."""
    expected = PlainExpected()
    for record in records:
        expected.add(record)
    assert expected.scores[f"{ACCOUNT}:ann", "overall"] == overall
    assert expected.rows == rows


def test_the_plain_consumer_imports_nothing_of_the_product() -> None:
    """It is a reference: what the product is made of does not help or hinder it."""
    script = "import bench.plain, sys; print([name for name in sys.modules if name.split('.')[0] in %r])"
    product = ("consumer", "schemas", "sql", "catalogs")
    done = subprocess.run(
        [sys.executable, "-c", script % (product,)], cwd=_ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
