"""The context that is kept of a call: an allowed set of members, addresses of pages cut (semantics §10). Pure."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any, Final

import msgspec

from consumer.web.tracker.calls.body import given
from consumer.web.tracker.calls.page_urls import cut_search, cut_url

if TYPE_CHECKING:
    from consumer.web.tracker.calls.sender import Sender
    from consumer.web.tracker.write_key import WriteKey

_LONGEST: Final = 512
_LARGEST_SCREEN: Final = 100_000
_ADDRESSES: Final = ("url", "path", "referrer")
_CAMPAIGN: Final = ("name", "source", "medium", "term", "content", "id")
_LIBRARY: Final = ("name", "version")
_SCREEN: Final = ("width", "height", "density")


class _Context(msgspec.Struct, rename="camel"):
    page: Any = None
    campaign: Any = None
    library: Any = None
    screen: Any = None
    locale: Any = None
    timezone: Any = None
    user_agent: Any = None
    ip: Any = None


_CONTEXT: Final = msgspec.json.Decoder(_Context)
_NOTHING: Final = _Context()


class Context(msgspec.Struct):
    """What is kept of a context, and by what robots are recognised.

    user_agent, address: of the person, None where only those of a server are known. user_agent: '' where a browser
    sent none.
    """

    kept: dict[str, Any]
    user_agent: str | None
    address: str | None


def context_of(raw: msgspec.Raw, sender: Sender, write_key: WriteKey) -> Context:
    """Return the context of a call; members of a wrong type are left out.

    Robots are recognised by user agent and address of the request; of a server's by what it says of a person: its
    own say nothing about one. The user agent that is kept is what the caller says, else that of the request.
    """
    context = _read(raw)
    said = _text(context.user_agent)
    user_agent = (_text(sender.user_agent) or "") if sender.is_person else said
    address = sender.address if sender.is_person else _address(context.ip)
    kept: dict[str, Any] = {}
    if isinstance(context.page, dict) and (page := _page(context.page, write_key)):
        kept["page"] = page
    for name, members, value in (
        ("campaign", _CAMPAIGN, context.campaign),
        ("library", _LIBRARY, context.library),
    ):
        if isinstance(value, dict) and (texts := _texts(value, members)):
            kept[name] = texts
    if isinstance(context.screen, dict) and (screen := _sizes(context.screen)):
        kept["screen"] = screen
    if locale := _text(context.locale):
        kept["locale"] = locale
    if timezone := _text(context.timezone):
        kept["timezone"] = timezone
    if kept_agent := said or user_agent:
        kept["userAgent"] = kept_agent
    if write_key.keeps_addresses and address:
        kept["ip"] = address
    return Context(kept, user_agent, address)


def context_of_link(sender: Sender, write_key: WriteKey) -> Context:
    """Return the context of a pixel or a link: the request's own; the page is the one that showed it."""
    kept: dict[str, Any] = {}
    if sender.referrer and (url := cut_url(sender.referrer, write_key.query_parameters)):
        kept["page"] = {"url": url}
    user_agent = _text(sender.user_agent) or ""
    if user_agent:
        kept["userAgent"] = user_agent
    if write_key.keeps_addresses:
        kept["ip"] = sender.address
    return Context(kept, user_agent, sender.address)


def _read(raw: msgspec.Raw) -> _Context:
    if not given(raw):
        return _NOTHING
    try:
        return _CONTEXT.decode(raw)
    except msgspec.ValidationError:  # no object, or a number beyond any
        return _NOTHING


def _page(page: dict[str, Any], write_key: WriteKey) -> dict[str, str]:
    kept = _texts(page, ("title",))
    for name in _ADDRESSES:
        if isinstance(url := page.get(name), str) and url:
            kept[name] = cut_url(url, write_key.query_parameters)
    if isinstance(search := page.get("search"), str) and (
        left := cut_search(search, write_key.query_parameters)
    ):
        kept["search"] = left
    return kept


def _texts(members: dict[str, Any], names: tuple[str, ...]) -> dict[str, str]:
    return {name: text[:_LONGEST] for name in names if (text := members.get(name)) and isinstance(text, str)}


def _text(value: object) -> str | None:
    return value[:_LONGEST] if isinstance(value, str) else None


def _sizes(screen: dict[str, Any]) -> dict[str, int | float]:
    return {
        name: size
        for name in _SCREEN
        if isinstance(size := screen.get(name), int | float)
        and not isinstance(size, bool)
        and 0 <= size <= _LARGEST_SCREEN
    }


def _address(value: object) -> str | None:
    """Return an address that a server gives for a person, in its usual form; None for what is none."""
    if not isinstance(value, str):
        return None
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        return None
