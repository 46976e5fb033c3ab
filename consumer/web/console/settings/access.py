"""Who may do what: the permissions that there are, those of the person, and how long the session lasts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from consumer.web.console.navigation import N_
from consumer.web.console.settings.tabs import tab_page

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Visit

# Name, what it permits. None of them implies another.
_PERMISSIONS: Final = (
    (
        "read",
        N_("See leads, contacts, segments, the catalog, score profiles, jobs and settings; export lists."),
    ),
    (
        "manage",
        N_(
            "Change the catalog, score profiles, segments, tokens of the tracker and webhooks; publish; adjust "
            "scores; join contacts; see the audit trail."
        ),
    ),
    (
        "operate",
        N_(
            "Change modules, time zone and retention; export and delete contacts; see the health of the service; "
            "replay dead letters."
        ),
    ),
)


async def show(visit: Visit) -> Response:
    """Show them."""
    permissions = [(f"engagement:{name}", visit.say(about), visit.can(name)) for name, about in _PERMISSIONS]
    return tab_page(
        visit,
        "access",
        "settings/access.html",
        permissions=permissions,
        claims=visit.session.claims,
        expires_at=visit.session.claims.expires_at.isoformat(),
    )
