"""`/console/session` and `/console/sign-in`: a token of the host product, or of a link, begins a session.

The host product either posts the token from its server or script (`Authorization: Bearer …`, answered with JSON),
or lets the browser post a form with the field `token`, answered by leading to the console. A link has the token in
its address; where the token has an id (`jti`), it begins one session only.
Or a provider signs people in (openid.py): `/console/sign-in/provider` leads there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

import jwt
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse

from consumer.web.console import addresses, cookies
from consumer.web.console.outside_page import outside_page
from consumer.web.console.page_route import NamedRoute, change, sent_form
from consumer.web.console.sessions import COOKIE, LIFETIME
from consumer.web.console.sign_in.openid import CALLBACK, Attempt, host_of
from consumer.web.http.problems import Code, ProblemError, problem_details, problem_response

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from consumer.web.console.sessions import Session, Sessions
    from consumer.web.console.sign_in.openid import OpenIdSignIn
    from consumer.web.console.visit import Visit
    from consumer.web.http.auth import TokenVerifier

_HOME: Final = "/console"
_ATTEMPT: Final = "engagement_sign_in"
# Seconds that a person may take at the provider.
_ATTEMPT_SECONDS: Final = 600
_NOT_FOUND: Final = 404


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
    return _page(request, to)


async def _enter(request: Request, token: str, to: str) -> Response:
    try:
        session = await _session_of(request, token)
    except ProblemError as error:
        return _page(request, to, refused=error)
    return _with_cookie(request, RedirectResponse(addresses.own(to), 303), session)


def _page(request: Request, to: str, *, refused: ProblemError | None = None) -> Response:
    """Return the page that says how to sign in, and why it was refused."""
    openid: OpenIdSignIn | None = request.app.state.openid
    return outside_page(
        request,
        "outside/sign_in.html",
        status=200 if refused is None else problem_details(refused).status,
        to=addresses.own(to),
        refused=refused and str(refused),
        provider=openid and host_of(openid.provider),
    )


async def _to_provider(request: Request) -> Response:
    """Lead to the provider."""
    openid: OpenIdSignIn | None = request.app.state.openid
    if openid is None:
        raise HTTPException(_NOT_FOUND)
    to = addresses.own(request.query_params.get("to", ""))
    try:
        address, attempt = await openid.begin(to)
    except ProblemError as error:
        return _page(request, to, refused=error)
    response = RedirectResponse(address, 303)
    cookies.give(
        request,
        response,
        _ATTEMPT,
        quote(attempt.encoded()),
        seconds=_ATTEMPT_SECONDS,
        path=f"{_HOME}/sign-in",
    )
    return response


async def _from_provider(request: Request) -> Response:
    """Begin a session for a person whom the provider leads back."""
    openid: OpenIdSignIn | None = request.app.state.openid
    attempt = Attempt.of(unquote(request.cookies.get(_ATTEMPT, "")))
    if openid is None:
        raise HTTPException(_NOT_FOUND)
    if attempt is None:
        why = "it took too long, or this browser refuses cookies: try again"
        return _page(request, "", refused=ProblemError(Code.UNAUTHENTICATED, why))
    try:
        claims = await openid.end(attempt, request.query_params)
    except ProblemError as error:
        return _page(request, attempt.to, refused=error)
    sessions: Sessions = request.app.state.sessions
    session = await sessions.begin(claims, None)
    if session is None:
        raise LookupError("a session without a token's id always begins")
    response = _with_cookie(request, RedirectResponse(addresses.own(attempt.to), 303), session)
    cookies.forget(response, _ATTEMPT, path=f"{_HOME}/sign-in")
    return response


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


def _with_cookie(request: Request, response: Response, session: Session) -> Response:
    cookies.give(request, response, COOKIE, session.secret, seconds=int(LIFETIME.total_seconds()))
    return response


async def _sign_out(visit: Visit) -> Response:
    sessions: Sessions = visit.request.app.state.sessions
    if visit.form.is_set("everywhere"):
        await sessions.end_all(visit.session.claims)
    else:
        await sessions.end(visit.session)
    response = RedirectResponse("/console/sign-in", 303)
    cookies.forget(response, COOKIE)
    return response


ROUTES = [
    NamedRoute("/console/session", _begin, methods=["POST"]),
    NamedRoute("/console/sign-in", _show),
    NamedRoute("/console/sign-in/provider", _to_provider),
    NamedRoute(CALLBACK, _from_provider),
    change("/~sign-out", _sign_out),
]
