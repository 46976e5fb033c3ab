"""`/console/{account}/segments`: the list, the form of one, and what is done with them."""

from __future__ import annotations

from typing import Final

from consumer.web.console.page_route import change, page
from consumer.web.console.segments import builder, deletion, list_page

_SEGMENTS: Final = "/{account}/segments"
_EDIT: Final = f"{_SEGMENTS}/edit/{{segment}}"

ROUTES = [
    page(_SEGMENTS, list_page.show, permission="read"),
    change(f"{_SEGMENTS}/order", list_page.move, permission="manage"),
    page(f"{_SEGMENTS}/new", builder.show_new, permission="manage", change=builder.answer_new),
    change(f"{_SEGMENTS}/restore", deletion.restore, permission="manage"),
    page(_EDIT, builder.show_stored, permission="manage", change=builder.answer_stored),
    change(f"{_SEGMENTS}/delete/{{segment}}", deletion.delete, permission="manage"),
]
