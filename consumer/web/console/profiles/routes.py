"""The pages of score profiles, below `/console/{account}/profiles`."""

from __future__ import annotations

from typing import Final

from consumer.web.console.page_route import change, page
from consumer.web.console.profiles import (
    bounds,
    details,
    listing,
    new_profile,
    preview,
    publishing,
    versions,
    weights,
)

_ALL: Final = "/{account}/profiles"
_ONE: Final = "/{account}/profiles/{profile}"

ROUTES = [
    page(_ALL, listing.show, permission="read"),
    change(f"{_ALL}/order", listing.move, permission="manage"),
    page(f"{_ALL}/new", new_profile.show, permission="manage", change=new_profile.create),
    page(_ONE, weights.show, permission="read"),
    change(f"{_ONE}/weights", weights.save, permission="manage"),
    page(f"{_ONE}/bounds", bounds.show, permission="read"),
    change(f"{_ONE}/bounds/save", bounds.save, permission="manage"),
    page(f"{_ONE}/preview", preview.show, permission="manage"),
    page(f"{_ONE}/preview/contacts", preview.show_samples, permission="manage"),
    page(f"{_ONE}/versions", versions.show, permission="read"),
    change(f"{_ONE}/versions/restore", versions.restore, permission="manage"),
    change(f"{_ONE}/versions/undo", versions.undo, permission="manage"),
    page(f"{_ONE}/details", details.show, permission="read", change=details.save),
    change(f"{_ONE}/primary", details.make_primary, permission="manage"),
    change(f"{_ONE}/archive", details.archive, permission="manage"),
    change(f"{_ONE}/delete", details.delete, permission="manage"),
    change(f"{_ONE}/publish", publishing.begin, permission="manage"),
    change(f"{_ONE}/cancel", publishing.cancel, permission="manage"),
]
