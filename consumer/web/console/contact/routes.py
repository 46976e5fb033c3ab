"""`/console/{account}/contacts/{contact}`, and below `…/contact/` what can be done with a contact.

Ids may contain slashes: what is done stands before the id, so that no id ends like a route.
"""

from __future__ import annotations

from consumer.web.console.contact.adjust import adjust, undo_adjustment
from consumer.web.console.contact.identity import join, show_join, show_split, split
from consumer.web.console.contact.page import show
from consumer.web.console.contact.removal import delete, show_deletion, show_report
from consumer.web.console.page_route import change, page

_ACTION = "/{account}/contact"

ROUTES = [
    page("/{account}/contacts/{contact:path}", show, permission="read"),
    change(f"{_ACTION}/adjust/{{contact:path}}", adjust, permission="manage"),
    change(f"{_ACTION}/undo-adjustment/{{contact:path}}", undo_adjustment, permission="manage"),
    page(f"{_ACTION}/join/{{contact:path}}", show_join, change=join, permission="manage"),
    page(f"{_ACTION}/split/{{contact:path}}", show_split, change=split, permission="manage"),
    page(f"{_ACTION}/delete/{{contact:path}}", show_deletion, change=delete, permission="operate"),
    page("/{account}/deletions/{deletion}", show_report, permission="operate"),
]
