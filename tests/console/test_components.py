"""The page of all components."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.console.in_browser import Window


async def test_components_pass_axe(
    window: Callable[..., Awaitable[Window]], new_account: Callable[..., Awaitable[str]]
) -> None:
    """All components pass axe in both themes and at both widths."""
    ann = await window(await new_account())
    await ann.open("/console/~components")
    assert await ann.looked_at("components") == {}
    assert ann.complaints == []
