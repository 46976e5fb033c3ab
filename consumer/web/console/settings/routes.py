"""`/console/{account}/settings`."""

from __future__ import annotations

from consumer.web.console.page_route import change, page
from consumer.web.console.settings import access, general, retention, webhook_page, webhooks

_WEBHOOKS = "/{account}/settings/webhooks"
_WEBHOOK = f"{_WEBHOOKS}/{{webhook}}"

ROUTES = [
    page("/{account}/settings", general.show, permission="read"),
    change("/{account}/settings/general", general.save, permission="operate"),
    page("/{account}/settings/retention", retention.show, permission="read"),
    change("/{account}/settings/retention/change", retention.save, permission="operate"),
    page("/{account}/settings/access", access.show, permission="read"),
    page(_WEBHOOKS, webhooks.show_all, permission="manage"),
    page(f"{_WEBHOOKS}/new", webhooks.show_new, permission="manage", change=webhooks.create),
    page(_WEBHOOK, webhook_page.show, permission="manage"),
    page(f"{_WEBHOOK}/edit", webhooks.show_form, permission="manage", change=webhooks.save),
    page(f"{_WEBHOOK}/delete", webhooks.show_delete, permission="manage", change=webhooks.delete),
    change(f"{_WEBHOOK}/secret", webhook_page.rotate, permission="manage"),
    change(f"{_WEBHOOK}/resume", webhook_page.resume, permission="manage"),
    change(f"{_WEBHOOK}/test", webhook_page.test, permission="manage"),
    page(f"{_WEBHOOK}/deliveries/{{delivery}}", webhook_page.show_delivery, permission="manage"),
    change(f"{_WEBHOOK}/deliveries/{{delivery}}/resend", webhook_page.resend, permission="manage"),
]
