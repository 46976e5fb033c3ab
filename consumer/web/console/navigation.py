"""The parts of the console, and who sees which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from consumer.web.console.api_client import part as quoted

if TYPE_CHECKING:
    from collections.abc import Collection
    from gettext import NullTranslations


def N_(text: str) -> str:  # noqa: N802 - the name by which tools find texts to translate
    """Mark a text that is translated where it is shown."""
    return text


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the navigation. path: below the account's. permission: that its pages need."""

    path: str
    name: str
    icon: str
    permission: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A part, as one person sees it on one page."""

    name: str
    icon: str
    url: str
    is_current: bool


PARTS: Final = (
    Part("leads", N_("Leads"), "users", "read"),
    Part("segments", N_("Segments"), "funnel", "read"),
    Part("catalog", N_("Catalog"), "list-checks", "read"),
    Part("profiles", N_("Score profiles"), "sliders-horizontal", "read"),
    Part("tracker", N_("Tracker"), "radio", "manage"),
    Part("activity", N_("Activity"), "history", "read"),
    Part("settings", N_("Settings"), "settings", "read"),
    Part("health", N_("Health"), "activity", "operate"),
)


def entries(account: str, path: str, permissions: Collection[str], texts: NullTranslations) -> list[Entry]:
    """Return the navigation of a page (path): the parts that a person with these permissions may see."""
    return [
        Entry(texts.gettext(part.name), part.icon, url, path == url or path.startswith(f"{url}/"))
        for part in PARTS
        if f"engagement:{part.permission}" in permissions
        for url in [f"/console/{quoted(account)}/{part.path}"]
    ]
