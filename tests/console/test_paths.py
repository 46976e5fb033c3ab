"""Addresses of the console: whose they are, and what no key or id in them can do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from consumer.catalog.document.fields import ACCOUNT
from consumer.web.console.application import ROUTES
from tests.console.sample import happened, sales_account
from tests.pipeline.service import apply_document

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.console.console_client import Console
    from tests.pipeline.service import Service


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


async def test_contacts_with_the_ids_of_pages(
    console: Console, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """Every page of a contact is that contact's, whatever its id ends with."""
    account = await sales_account(worker, new_account)
    ids = [
        "ann/timeline",
        "ann/joins/1",
        "ann/export",
        "a?b#c",
        "a%2Fb",
        "//evil.example",
        "javascript:alert(1)",
    ]
    now = datetime.now(UTC)
    await worker.batch(
        [happened(account, "deal.won", now, subject=each, objectid=each[:9] + each[-1]) for each in ids]
    )
    person = await console.as_(account)
    for contact in ids:
        quoted = quote(contact, safe="")
        for page in ("contacts", "contact/join", "contact/delete"):
            path = f"/console/{account}/{page}/{quoted}"
            shown = await person.open(path)
            assert (shown.status_code, shown.url.raw_path) == (200, path.encode())
        assert f"Export or delete {contact} ·" in shown.text
        export = f"/console/~api/v1/accounts/{account}/contacts/{quoted}/export"
        assert f'href="{export}"' in shown.text
        assert f'"id":"{contact}"' in (await person.get(export)).text.replace('": "', '":"')
