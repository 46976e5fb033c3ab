"""The pages of the settings, as tabs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from consumer.web.console.navigation import N_

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Visit

# Path below `settings`, name, and the permission that the page needs.
_TABS: Final = (
    ("", N_("General"), "read"),
    ("retention", N_("Retention"), "read"),
    ("webhooks", N_("Webhooks"), "manage"),
    ("access", N_("Who may do what"), "read"),
)


def tab_page(visit: Visit, tab: str, template: str, /, *, status: int = 200, **context: Any) -> Response:
    """Return a page of the settings below its tabs."""
    tabs = [
        (visit.url("settings", *([path] if path else [])), visit.say(name), path == tab)
        for path, name, permission in _TABS
        if visit.can(permission)
    ]
    return visit.page(template, status=status, tabs=tabs, **context)
