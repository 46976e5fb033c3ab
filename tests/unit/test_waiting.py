"""The one helper that waits: it returns what it waited for, and says what it waited for in vain."""

from __future__ import annotations

import itertools

import pytest

from tests.waiting import eventually


async def test_it_returns_the_first_true_value_of_a_plain_or_an_async_check() -> None:
    """What the check returned at last is returned, whether the check is plain or async."""
    plain, slow = itertools.count(), itertools.count()

    async def third() -> int:
        return next(slow) // 3

    assert await eventually(lambda: next(plain) // 3, within=5, every=0, what="three calls") == 1
    assert await eventually(third, within=5, every=0, what="three calls") == 1


async def test_an_assertion_means_not_yet_and_any_other_error_passes_through() -> None:
    """A failed assertion is tried again; a mistake in the check itself shows at once."""
    calls = itertools.count()

    def check() -> bool:
        assert next(calls) == 2
        return True

    assert await eventually(check, within=5, every=0, what="the third call")
    with pytest.raises(ZeroDivisionError):
        await eventually(lambda: 1 / 0, within=5, what="an error")


async def test_waiting_in_vain_fails_with_what_was_waited_for() -> None:
    """When the time is over the test fails, naming what was awaited and what was seen last."""
    with pytest.raises(pytest.fail.Exception, match=r"not within 0\.05 s: rain \(last: 0\)"):
        await eventually(lambda: 0, within=0.05, every=0.01, what="rain")
