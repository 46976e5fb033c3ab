"""Fixtures of the console: one application and one database for each module, accounts to isolate its tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.console.console_client import console_over
from tests.console.in_browser import Window, windows
from tests.web.conftest import api, new_account, observer, worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from playwright.async_api import Browser

    from tests.console.console_client import Console
    from tests.web.api_client import Api

__all__ = ["api", "new_account", "observer", "worker"]


@pytest.fixture(scope="module")
def console(api: Api) -> Console:
    """Give the console over this module's API."""
    return console_over(api)


@pytest.fixture
async def window(console: Console, browser: Browser) -> AsyncIterator[Callable[..., Awaitable[Window]]]:
    """Give what opens browser windows of people who are signed in, by account and permissions."""
    async with windows(console, browser) as open_window:
        yield open_window
