"""`/console/session` and `/console/sign-in`: a token of the host product, or of a link, begins a session.

The host product either posts the token from its server or script (`Authorization: Bearer …`, answered with JSON),
or lets the browser post a form with the field `token`, answered by leading to the console. A link has the token in
its address; where the token has an id (`jti`), it begins one session only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import jwt
from starlette.responses import JSONResponse, RedirectResponse

from consumer.web.console.outside_page import outside_page
from consumer.web.console.page_route import NamedRoute, change, sent_form
from consumer.web.console.sessions import COOKIE, LIFETIME
from consumer.web.http.problems import Code, ProblemError, problem_response

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from consumer.web.console.sessions import Session, Sessions
    from consumer.web.console.visit import Visit
    from consumer.web.http.auth import TokenVerifier

_HOME: Final = "/console"


async def _begin(request: Request) -> Response:
    """Begin a session for the token of a request."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        try:
            session = await _session_of(request, token.strip())
        except ProblemError as error:
            return problem_response(error)
        claims = session.claims
        answer = JSONResponse({"actor": claims.actor, "account": claims.account, "url": _HOME}, 201)
        return _with_cookie(request, answer, session)
    form = await sent_form(request)
    return await _enter(request, form.text("token"), form.text("to"))


async def _show(request: Request) -> Response:
    """Say how to sign in; with a token in the address, do it."""
    token = request.query_params.get("token", "")
    to = request.query_params.get("to", "")
    if token:
        return await _enter(request, token, to)
    return outside_page(request, "outside/sign_in.html", to=_own_path(to), refused=None)


async def _enter(request: Request, token: str, to: str) -> Response:
    try:
        session = await _session_of(request, token)
    except ProblemError as error:
        context = {"to": _own_path(to), "refused": str(error)}
        return outside_page(request, "outside/sign_in.html", status=401, **context)
    return _with_cookie(request, RedirectResponse(_own_path(to), 303), session)


async def _session_of(request: Request, token: str) -> Session:
    """Return a session that has begun; raises ProblemError (401)."""
    tokens: TokenVerifier = request.app.state.tokens
    sessions: Sessions = request.app.state.sessions
    claims = await tokens.claims(token)
    # Its signature was just checked.
    token_id = jwt.decode(token, options={"verify_signature": False}).get("jti")
    session = await sessions.begin(claims, None if token_id is None else str(token_id))
    if session is None:
        raise ProblemError(Code.UNAUTHENTICATED, "this link was used before: ask for a new one")
    return session


def _own_path(to: str) -> str:
    """Return where to lead after signing in: a page of the console, never one of another site."""
    parts = urlsplit(to)
    is_own = not parts.scheme and not parts.netloc and (to == _HOME or to.startswith(f"{_HOME}/"))
    return to if is_own and "\\" not in to else _HOME


def _with_cookie(request: Request, response: Response, session: Session) -> Response:
    response.set_cookie(
        COOKIE,
        session.secret,
        max_age=int(LIFETIME.total_seconds()),
        path=_HOME,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return response


async def _sign_out(visit: Visit) -> Response:
    sessions: Sessions = visit.request.app.state.sessions
    if visit.form.is_set("everywhere"):
        await sessions.end_all(visit.session.claims)
    else:
        await sessions.end(visit.session)
    response = RedirectResponse("/console/sign-in", 303)
    response.delete_cookie(COOKIE, path=_HOME)
    return response


ROUTES = [
    NamedRoute("/console/session", _begin, methods=["POST"]),
    NamedRoute("/console/sign-in", _show),
    change("/sign-out", _sign_out),
]
