"""The form of a token: what is typed, as the API takes it, and what it starts with for each use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from consumer.web.console.navigation import N_

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.web.console.visit import Form

# Statuses of the API's answers that show the form again: a fault at a field, a conflict.
FAULTY: Final = (409, 422)
_LISTS: Final = ("origins", "event_names", "query_parameters")
_SWITCHES: Final = ("anonymous_only", "may_set_traits", "keeps_addresses")
_NUMBERS: Final = ("per_second", "per_second_by_address", "per_day")
# As the API has them for a token of which only the name is known.
_PLAIN: Final = {
    "name": "",
    **dict.fromkeys(_LISTS, ""),
    **dict.fromkeys(_SWITCHES, False),
    "per_second": 500,
    "per_second_by_address": 100,
    "per_day": 5_000_000,
}
# What a token is for, and what it may do then.
USES: Final[dict[str, tuple[str, str, dict[str, Any]]]] = {
    "site": (N_("A site"), N_("Page views and clicks, from pages whose origins you name."), {}),
    "server": (
        N_("A server or app"),
        N_("Calls of your own programs. They may name contacts and change their fields."),
        {"may_set_traits": True},
    ),
    "mail": (
        N_("E-mails"),
        N_("Opened mails and clicked links. It takes signed links, and no other call that names a contact."),
        {"anonymous_only": True, "event_names": "email.opened\nemail.clicked"},
    ),
}


def fresh(use: str) -> dict[str, Any]:
    """Return what the form of a new token starts with."""
    return _PLAIN | (USES[use][2] if use in USES else {})


def of_token(token: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the form of a token has, as its fields show it: lists with a line for each."""
    return {name: "\n".join(token[name]) if name in _LISTS else token[name] for name in _PLAIN}


def typed(form: Form) -> dict[str, Any]:
    """Return what was typed, to show it again."""
    return {name: form.is_set(name) if name in _SWITCHES else form.text(name) for name in _PLAIN}


def body(form: Form) -> dict[str, Any]:
    """Return what was typed as the API takes it."""
    return {
        "name": form.text("name"),
        **{name: _lines(form.text(name)) for name in _LISTS},
        **{name: form.is_set(name) for name in _SWITCHES},
        **{name: form.number(name) for name in _NUMBERS},
    }


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
