"""Addresses of the console: whose they are, and what no key or id in them can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.catalog.document.fields import ACCOUNT
from consumer.web.console.application import ROUTES
from tests.pipeline.service import apply_document

if TYPE_CHECKING:
    from tests.console.console_client import Console


def test_no_address_of_the_consoles_own_is_an_accounts() -> None:
    """The first part of a path is an account's, has a sign that no key has, or is one of two words."""
    firsts = {route.path.split("/")[2] for route in ROUTES if route.path.startswith("/console/")}
    assert {first for first in firsts - {"{account}"} if ACCOUNT.fullmatch(first)} == {"session", "sign-in"}


async def test_accounts_with_words_of_paths_as_keys(console: Console) -> None:
    """An account may be called as something of the console is, and has its pages."""
    for key in ("api", "assets", "components", "preferences", "session", "sign-in", "sign-out", "embed"):
        await apply_document(console.api.dsn, {"engagement_catalog": 1, "account": key, "name": key})
        person = await console.as_(key)
        page = await person.open(f"/console/{key}/settings")
        assert page.status_code == 200, key
        assert f'content="{key}"' in page.text, key
        # Below its own address it has no other one's.
        assert (await person.get(f"/console/{key}/v1/me")).status_code == 404
        if key != "sign-in":
            assert (await person.open("/console")).url.path == f"/console/{key}/start"
