"""`/console/{account}/contacts/{contact}`, and below `…/contact/` what can be done with a contact.

Ids may contain slashes: what is done stands before the id, so that no id ends like a route.
"""

from __future__ import annotations

from consumer.web.console.contact.adjust import adjust, undo_adjustment
from consumer.web.console.contact.page import show
from consumer.web.console.page_route import change, page

_ACTION = "/{account}/contact"

ROUTES = [
    page("/{account}/contacts/{contact:path}", show, permission="read"),
    change(f"{_ACTION}/adjust/{{contact:path}}", adjust, permission="manage"),
    change(f"{_ACTION}/undo-adjustment/{{contact:path}}", undo_adjustment, permission="manage"),
]
