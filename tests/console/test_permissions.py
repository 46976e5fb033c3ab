"""A person sees no link and no form that fails for want of a permission, on any page that can be reached."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import pytest

from consumer.web.console.application import ROUTES
from tests.console.page_links import PageLinks
from tests.console.sample import sales_account

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import httpx

    from tests.console.console_client import Console, Person
    from tests.pipeline.service import Service

READ, MANAGE, OPERATE = "engagement:read", "engagement:manage", "engagement:operate"
# Addresses of one shape, such as contacts and their filters, of which some say as much as all.
_OF_ONE_SHAPE = 4
# Forms that end the session, or everything.
_LEFT_OUT = ("sign-out",)


@pytest.mark.parametrize("permissions", [[READ], [READ, MANAGE], [READ, OPERATE], [OPERATE]], ids=" ".join)
async def test_nothing_is_offered_that_is_forbidden(
    console: Console,
    worker: Service,
    new_account: Callable[..., Awaitable[str]],
    permissions: list[str],
) -> None:
    """Whatever one may do, no page that is reached by links offers a link or a form that is answered 403 or 404."""
    account = await sales_account(worker, new_account)
    person = await console.as_(account, permissions)
    start = await person.open("/console")
    refused, seen = await _crawl(person, account, str(start.url.raw_path, "ascii"))
    assert refused == []
    shapes = {_shape(path, account) for path in seen}
    if permissions == [READ]:
        assert {"leads", "segments", "catalog", "profiles", "activity", "settings"} <= shapes
        assert "tracker" not in shapes


async def _crawl(person: Person, account: str, start: str) -> tuple[list[str], set[str]]:
    """Follow all links and send all forms; return what was refused, and the addresses of all pages."""
    waiting, seen, refused, tried = [start], set[str](), list[str](), dict[str, int]()
    while waiting:
        address = waiting.pop()
        shape = _shape(address, account)
        if address in seen or tried.get(shape, 0) >= _OF_ONE_SHAPE:
            continue
        seen.add(address)
        tried[shape] = tried.get(shape, 0) + 1
        page = await person.open(address)
        if page.status_code in {403, 404, 500}:
            refused.append(f"GET {address}: {page.status_code}")
        if "html" not in page.headers.get("content-type", ""):
            continue
        offered = PageLinks(page.text)
        waiting += [there for link in offered.links if (there := _within(address, link)) is not None]
        refused += await _send_forms(person, account, address, offered, tried)
    return refused, seen


async def _send_forms(
    person: Person, account: str, address: str, offered: PageLinks, tried: dict[str, int]
) -> list[str]:
    refused = []
    for form in offered.forms:
        for action in [form.action, *form.buttons]:
            there = _within(address, action or address)
            if there is None or form.method != "post" or any(each in there for each in _LEFT_OUT):
                continue
            shape = f"POST {_shape(there, account)} {sorted(form.fields)}"
            if tried.get(shape, 0) >= 1:
                continue
            tried[shape] = 1
            answer: httpx.Response = await person.post(there, data=form.fields)
            if answer.status_code in {403, 404, 405, 500}:
                refused.append(f"POST {there} from {address}: {answer.status_code}")
    return refused


def _within(base: str, link: str) -> str | None:
    """Return an address of the console that a link leads to; None for other places."""
    found = urlsplit(urljoin(f"http://console{base}", link))
    if found.netloc != "console" or not found.path.startswith("/console"):
        return None
    return f"{found.path}?{found.query}" if found.query else found.path


def _shape(address: str, account: str) -> str:
    """Return the route of an address, without what stands for one thing of many."""
    path = urlsplit(address).path
    for route in ROUTES:
        if route.path_regex.match(path):
            return route.path.removeprefix("/console/{account}/")
    return path.replace(account, "{account}")
