"""`/console/{account}/catalog`: definitions, groups, and the inbox of unknown events."""

from __future__ import annotations

from typing import Final

from consumer.web.console.catalog import (
    catalog_page,
    count_past,
    definition_page,
    deletion,
    edit_definition,
    groups,
    inbox,
    order,
    rejudge,
    try_event,
)
from consumer.web.console.page_route import change, page

_CATALOG: Final = "/{account}/catalog"
_DEFINITION: Final = "/{account}/catalog/definitions/{definition}"
_GROUP: Final = "/{account}/catalog/groups/{group}"

ROUTES = [
    page(_CATALOG, catalog_page.show, permission="read"),
    change(f"{_CATALOG}/order", order.move, permission="manage"),
    page(f"{_CATALOG}/groups/new", groups.show_new, permission="manage", change=groups.create),
    change(_GROUP, catalog_page.save_group, permission="manage"),
    page(f"{_GROUP}/delete", groups.show_delete, permission="manage", change=groups.delete),
    page(f"{_CATALOG}/inbox", inbox.show, permission="manage"),
    page(f"{_CATALOG}/try", try_event.show, permission="manage", change=try_event.answer),
    page(f"{_CATALOG}/new", edit_definition.show_new, permission="manage", change=edit_definition.create),
    page(_DEFINITION, definition_page.show, permission="read"),
    page(f"{_DEFINITION}/edit", edit_definition.show, permission="manage", change=edit_definition.save),
    change(f"{_DEFINITION}/in-place", catalog_page.save_definition, permission="manage"),
    change(f"{_DEFINITION}/active", catalog_page.switch, permission="manage"),
    page(f"{_DEFINITION}/delete", deletion.show, permission="manage", change=deletion.delete),
    page(f"{_DEFINITION}/rejudge", rejudge.show, permission="manage", change=rejudge.answer),
    change(f"{_DEFINITION}/rejudge/{{rejudgement}}/cancel", rejudge.cancel, permission="manage"),
    change(f"{_DEFINITION}/count-past", count_past.begin, permission="manage"),
    change(f"{_DEFINITION}/count-past/{{backfill}}/cancel", count_past.cancel, permission="manage"),
]
