"""Routes of the console: they find the session, check what a page needs, and answer problems with pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match, Route

from consumer.web.console import addresses
from consumer.web.console.api_client import ApiClient, ApiProblem, part, query
from consumer.web.console.outside_page import outside_page
from consumer.web.console.reader import reader_of
from consumer.web.console.sessions import COOKIE, Sessions
from consumer.web.console.visit import MOST_FIELDS, Account, Form, Visit, form_of
from consumer.web.http import request_id
from consumer.web.http.problems import HANDLED, to_problem

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from starlette.requests import Request
    from starlette.types import Scope

    from consumer.web.console.sessions import Session

    Page = Callable[[Visit], Awaitable[Response]]

log = structlog.get_logger(__name__)

SIGN_IN: Final = "/console/sign-in"
_MALFORMED, _FORBIDDEN, _NOT_FOUND, _TOO_LARGE, _UNEXPECTED = 400, 403, 404, 413, 500
_CHANGES = frozenset({"POST"})


class NamedRoute(Route):
    """A route whose path metrics and log name."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Match a request."""
        match, more = super().matches(scope)
        return match, {**more, "route": self} if match != Match.NONE else more


def page(path: str, show: Page, *, permission: str | None = None, change: Page | None = None) -> NamedRoute:
    """Return the route of a page.

    path: below `/console`. show: answers GET. permission: that the person needs for both; with `change`, that
    answers POST.
    """
    return _route(f"/console{path}", {"GET": show} | ({"POST": change} if change else {}), permission)


def change(path: str, do: Page, *, permission: str | None = None) -> NamedRoute:
    """Return the route of a change that has no page of its own."""
    return _route(f"/console{path}", {"POST": do}, permission)


def _route(path: str, pages: dict[str, Page], permission: str | None) -> NamedRoute:
    async def endpoint(request: Request) -> Response:
        return await _answer(
            request, pages["GET" if request.method == "HEAD" else request.method], permission
        )

    return NamedRoute(path, endpoint, methods=list(pages), name=path)


async def _answer(request: Request, answer: Page, permission: str | None) -> Response:
    sessions: Sessions = request.app.state.sessions
    secret = request.cookies.get(COOKIE)
    try:
        session = await sessions.find(secret) if secret else None
    except HANDLED as error:
        problem = to_problem(error)
        return outside_page(request, "outside/problem.html", status=503, detail=problem.detail)
    if session is None:
        return _to_sign_in(request)
    # For the log.
    request.state.claims = session.claims
    visit = Visit(request, session, reader_of(request), _client(request, session))
    return await _shown(visit, answer, permission)


async def _shown(visit: Visit, answer: Page, permission: str | None) -> Response:
    """Return the answer of a page, or the page that says what is wrong."""
    try:
        visit = await with_account(visit)
        await _check(visit, permission)
        return await answer(visit)
    except ApiProblem as problem:
        return visit.problem(problem)
    except HTTPException as error:
        return visit.problem(ApiProblem(error.status_code, {"detail": error.detail}, {}))
    except ClientDisconnect:
        # Nobody reads the answer.
        return Response(status_code=_MALFORMED)
    except Exception:
        log.exception("page failed", path=visit.request.url.path)
        detail = visit.say("An unexpected error occurred and was logged.")
        return visit.problem(ApiProblem(_UNEXPECTED, {"type": ":internal", "detail": detail}, {}))


async def _check(visit: Visit, permission: str | None) -> None:
    """Raise ApiProblem (403) without the permission, and for a change that comes from no page of this session."""
    if visit.request.method in _CHANGES:
        visit.form = await sent_form(visit.request)
        if not _is_ours(visit):
            raise _refused(visit.say("This page is out of date. Reload it and try again."), "csrf")
    if permission is not None and not visit.can(permission):
        detail = visit.say("You need the permission engagement:%(name)s for this.", name=permission)
        raise _refused(detail, "forbidden")


def _client(request: Request, session: Session, **parts: Any) -> ApiClient:
    return ApiClient(request.app.state.api, session.claims, request_id=request_id.current() or "", **parts)


async def with_account(visit: Visit) -> Visit:
    """Return the visit as one of the account in its path, if there is one; raises ApiProblem (404)."""
    request, session = visit.request, visit.session
    key: str | None = request.path_params.get("account")
    if key is None:
        return visit
    if not session.claims.covers(key):
        raise ApiProblem(_NOT_FOUND, {"type": ":not_found", "detail": f"There is no account {key}."}, {})
    api = _client(request, session, prefix=f"/v1/accounts/{part(key)}/")
    if not visit.can("read"):
        account = Account(key, key, "UTC", engagement=True, sales=False)
    else:
        found = (await visit.api.get(f"accounts/{part(key)}")).body
        names = ("name", "time_zone", "engagement", "sales")
        account = Account(key, **{name: found[name] for name in names})
    return Visit(request, session, reader_of(request, account.time_zone), api, account)


async def sent_form(request: Request) -> Form:
    """Return the fields of the form that was sent; raises HTTPException (413) for one of too many."""
    try:
        return form_of(await request.body())
    except ValueError:
        raise HTTPException(_TOO_LARGE, f"the form must have at most {MOST_FIELDS} fields") from None


def _is_ours(visit: Visit) -> bool:
    sent = visit.request.headers.get("x-csrf-token") or visit.form.text("csrf")
    return visit.session.sent_token(sent)


def _refused(detail: str, code: str) -> ApiProblem:
    return ApiProblem(_FORBIDDEN, {"type": f":{code}", "detail": detail}, {})


def _to_sign_in(request: Request) -> Response:
    """Lead to the page that says how to sign in; a script's request is led there as a whole page."""
    to = addresses.of(request) if request.method == "GET" else addresses.HOME
    address = f"{SIGN_IN}?{query({'to': to})}"
    if request.headers.get("hx-request"):
        return Response(status_code=401, headers={"HX-Redirect": address})
    return RedirectResponse(address, 303)


def routes_of(*parts: Sequence[NamedRoute]) -> list[NamedRoute]:
    """Return the routes of all parts in order."""
    return [route for routes in parts for route in routes]
