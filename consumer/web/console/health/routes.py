"""`/console/{account}/health`."""

from __future__ import annotations

from consumer.web.console.health import dead_letters, resolve, service, unknown_keys
from consumer.web.console.page_route import change, page

_LETTERS = "/{account}/health/dead-letters"

ROUTES = [
    page("/{account}/health", service.show, permission="operate"),
    page("/{account}/health/unknown-keys", unknown_keys.show, permission="operate"),
    page(_LETTERS, dead_letters.show_all, permission="operate"),
    change(f"{_LETTERS}/replay", resolve.replay, permission="operate"),
    change(f"{_LETTERS}/discard", resolve.discard, permission="operate"),
    page(f"{_LETTERS}/{{letter}}", dead_letters.show, permission="operate"),
]
