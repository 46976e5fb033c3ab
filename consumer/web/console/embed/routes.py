"""`/embed/{account}/contacts/{contact}` and `…/badge`: the address is the authorization, and says what is shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

import structlog
from babel import Locale

from consumer.web.console import texts
from consumer.web.console.api_client import ApiClient, ApiProblem, part
from consumer.web.console.embed.badge import badge, expired_badge
from consumer.web.console.embed.panel import live_events, message, panel
from consumer.web.console.page_route import NamedRoute
from consumer.web.console.reader import THEMES, reader_of
from consumer.web.http import request_id
from consumer.web.http.auth import Claims, Permission
from consumer.web.http.embed_addresses import Embed, EmbedKind, read_token
from consumer.web.http.problems import HANDLED, to_problem
from consumer.web.http.seal import InstallationSeal, current

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from consumer.web.console.reader import Reader
    from consumer.web.http.database import Connections

log = structlog.get_logger(__name__)

_FORBIDDEN, _GONE, _UNAVAILABLE, _UNEXPECTED = 403, 410, 503, 500
# Of the shares of connections (http/admission.py): no account has this key.
_SHARE: Final = "*console"


async def _answer(request: Request) -> Response:
    reader = _reader(request)
    try:
        embed = await _embed_of(request)
    except HANDLED as error:
        return message(request, reader, _UNAVAILABLE, to_problem(error).detail)
    if embed is None:
        text = reader.texts.gettext("This address is not valid.")
        return message(request, reader, _FORBIDDEN, text)
    if embed.has_expired:
        if embed.kind is EmbedKind.BADGE:
            return expired_badge(request, reader)
        text = reader.texts.gettext("This view has expired: reload the page around it.")
        return message(request, reader, _GONE, text)
    return await _show(request, embed, reader)


async def _show(request: Request, embed: Embed, reader: Reader) -> Response:
    expires_at = datetime.fromtimestamp(embed.expires_at, UTC)
    claims = Claims(embed.actor, embed.account, frozenset({Permission.READ.value}), expires_at)
    # For the log.
    request.state.claims = claims
    client = partial(ApiClient, request.app.state.api, claims, request_id=request_id.current() or "")
    api = client(prefix=f"/v1/accounts/{part(embed.account)}/")
    try:
        if embed.kind is EmbedKind.BADGE:
            return await badge(request, embed, api, reader)
        if "text/event-stream" in request.headers.get("accept", ""):
            return live_events(request, embed, claims)
        return await panel(request, embed, api, client(), reader)
    except ApiProblem as problem:
        return message(request, reader, problem.status, problem.detail)
    except Exception:
        log.exception("embedded contact failed", path=request.url.path)
        text = reader.texts.gettext("An unexpected error occurred and was logged.")
        return message(request, reader, _UNEXPECTED, text)


async def _embed_of(request: Request) -> Embed | None:
    """Return what an address is good for; None: nothing, since it was not made here, or for another path."""
    seal: InstallationSeal = request.app.state.seal
    if not seal.bind_known():
        connections: Connections = request.app.state.connections
        async with connections.of(_SHARE).connection() as connection:
            await seal.bind(connection)
    return read_token(current(), request.query_params.get("token", ""), request.scope["path"])


def _reader(request: Request) -> Reader:
    """Return how the person reads: as the host's page says in the address, else as the browser does."""
    reader = reader_of(request)
    language, theme = (request.query_params.get(name, "") for name in ("language", "theme"))
    if language in texts.LANGUAGES and language != reader.locale.language:
        reader = replace(reader, locale=Locale(language), texts=texts.of(language))
    return replace(reader, theme=theme if theme in THEMES else "auto")


ROUTES = [NamedRoute("/embed/{account}/contacts/{contact:path}", _answer)]
