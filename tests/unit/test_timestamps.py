"""Times as text: the short way that most take reads them as the grammar does."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from schemas.timestamps import EPOCH, instant, microseconds, rfc3339, rfc3339_of
from tests.oracle import parse_time

_SHAPES = (
    "2026-11-25T22:00:00Z",
    "2024-02-29T23:59:60.123Z",
    "2026-02-29T00:00:00.000001Z",
    "9999-12-31T24:00:00.999999Z",
    "2026-11-25T22:00:00",
    "2026-11-25T22:00:00.1234567Z",
    "2026-11-25T22:00:00+01:00",
    "2026-11-25T22:00:00.123-23:59",
    "2026-11-25T22:00:00.123456+01:00",
    "2026-11-25T22:00:00.1234567+01:00",
)


@some.composite
def _nearly_usual(draw: some.DrawFn) -> str:
    """Return a text of a usual shape with some characters replaced by others that times are made of."""
    text = list(draw(some.sampled_from(_SHAPES)))
    for place in draw(some.lists(some.integers(0, len(text) - 1), max_size=4)):
        text[place] = draw(some.sampled_from("0123456789-+:.,TtZzW \u0663"))
    return "".join(text)


@given(_nearly_usual())
@example("2026-11-25T22:00:00.+01Z")
@example("2026-W48-3T22:00:00Z")
@example("2026-11-25T23:59:59.9999999Z")
@example("2026-11-25T23:59:59.9999999+01:00")
@example("2026-11-25T22:00:00.12345+0100")
def test_any_text_of_a_usual_shape(text: str) -> None:
    """Any text is the instant that the grammar names, or none."""
    wanted = parse_time(text)
    if wanted is None:
        assert microseconds(text) is None
    elif wanted.year > 1:  # the oracle takes another year for the year 0
        found = microseconds(text)
        assert found is not None
        assert wanted == EPOCH + datetime.resolution * found


@pytest.mark.parametrize("text", ["2026-11-25T24:00:00Z", "2026-11-25T22:00:00,123Z", "2026-11-25T22:00Z"])
def test_what_only_python_takes(text: str) -> None:
    """Forms of ISO 8601 that are not RFC 3339's are refused."""
    assert microseconds(text) is None


@given(some.integers(-62_135_596_800_000_000, 253_402_300_799_999_999))
@example(-1)
@example(0)
def test_what_leaves_can_be_read(instant_us: int) -> None:
    """Every instant leaves in one form, to the microsecond, whichever way it is kept, and is read as itself."""
    text = rfc3339_of(instant_us)
    assert text == rfc3339(instant(instant_us))
    assert len(text) == len("2026-11-25T22:00:00.000000Z")
    assert microseconds(text) == instant_us
