"""`/console/{account}/leads`: contacts by score, with filters in the address."""

from __future__ import annotations

from consumer.web.console.leads.list_page import show
from consumer.web.console.page_route import page

ROUTES = [page("/{account}/leads", show, permission="read")]
