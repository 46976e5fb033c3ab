"""One webhook: how sending goes, what was sent, and what can be done about it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Final

from consumer.web.console import shown_once
from consumer.web.console.api_client import part
from consumer.web.console.navigation import N_
from consumer.web.console.settings.tabs import tab_page
from consumer.web.console.settings.webhooks import STATES, TYPES, path_of
from consumer.web.console.visit import Done

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Visit

_DELIVERY_STATES: Final = {
    "waiting": N_("waiting"),
    "delivered": N_("delivered"),
    "failed": N_("failed"),
}


async def show(visit: Visit) -> Response:
    """Show a webhook and its deliveries."""
    path = path_of(visit)
    asked = {name: visit.request.query_params.get(name, "") for name in ("state", "cursor")}
    webhook, deliveries = await asyncio.gather(
        visit.api.get(path), visit.api.get(f"{path}/deliveries", **asked, limit=20)
    )
    secrets = shown_once.carried(visit, webhook.body["id"])
    response = tab_page(
        visit,
        "webhooks",
        "settings/webhook.html",
        webhook=webhook.body,
        deliveries=deliveries.body,
        asked=asked,
        secrets=secrets,
        states=STATES,
        types=TYPES,
        delivery_states=_DELIVERY_STATES,
    )
    return shown_once.forget(response) if secrets else response


async def rotate(visit: Visit) -> Response:
    """Give a webhook a new secret, and show it."""
    made = (await visit.api.send("POST", f"{path_of(visit)}/rotate-secret")).body
    done = Done(visit.say("The webhook has a new secret. For a day messages are signed with both."))
    return shown_once.carry(visit, _back(visit, done), visit.request.path_params["webhook"], made)


async def resume(visit: Visit) -> Response:
    """Let a paused webhook go on."""
    await visit.api.send("POST", f"{path_of(visit)}/resume")
    return _back(visit, Done(visit.say("Sending goes on: what waits is sent from now on.")))


async def test(visit: Visit) -> Response:
    """Send a test message."""
    await visit.api.send("POST", f"{path_of(visit)}/test")
    return _back(visit, Done(visit.say("A test message is on its way. It is the first delivery below.")))


async def show_delivery(visit: Visit) -> Response:
    """Show a message with its body."""
    webhook, delivery = await asyncio.gather(visit.api.get(path_of(visit)), visit.api.get(_delivery(visit)))
    return tab_page(
        visit,
        "webhooks",
        "settings/delivery.html",
        webhook=webhook.body,
        delivery=delivery.body,
        body=_readable(delivery.body["body"]),
        delivery_states=_DELIVERY_STATES,
    )


async def resend(visit: Visit) -> Response:
    """Send a message again."""
    await visit.api.send("POST", f"{_delivery(visit)}/resend")
    return _back(visit, Done(visit.say("The message is sent again, under the same id.")))


def _delivery(visit: Visit) -> str:
    return f"{path_of(visit)}/deliveries/{part(visit.request.path_params['delivery'])}"


def _back(visit: Visit, done: Done) -> Response:
    return visit.redirect(visit.url("settings", "webhooks", visit.request.path_params["webhook"]), done)


def _readable(body: str) -> str:
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return body
