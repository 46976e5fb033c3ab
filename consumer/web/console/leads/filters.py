"""The filters of the list of leads, as its address has them, and as the API takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.web.console.visit import Visit

# In the order of an address. `mine`: those of the person who asks.
FILTERS: Final = ("q", "mine", "owner", "profile", "segment", "group", "band", "min", "max", "sort")


def filters_of(visit: Visit) -> dict[str, str]:
    """Return the filters in the address of a page, without empty ones."""
    sent = visit.request.query_params
    return {name: value for name in FILTERS if (value := sent.get(name, "").strip())}


def api_filters(visit: Visit, filters: Mapping[str, str]) -> dict[str, str]:
    """Return the API's parameters for these filters."""
    asked = {name: value for name, value in filters.items() if name != "mine"}
    if "mine" in filters:
        asked["owner"] = visit.session.claims.actor
    return asked
