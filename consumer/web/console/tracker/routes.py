"""`/console/{account}/tracker`: the tokens of the tracker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.web.console import shown_once
from consumer.web.console.api_client import ApiProblem
from consumer.web.console.page_route import change, page
from consumer.web.console.tracker import keys, token_form, token_page
from consumer.web.console.visit import Done, Faults

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Visit


async def _list(visit: Visit) -> Response:
    asked = {name: visit.request.query_params.get(name, "") for name in ("revoked", "cursor")}
    tokens = (await visit.api.get("tracker-tokens", **asked)).body
    return visit.page("tracker/tokens.html", asked=asked, tokens=tokens)


async def _show_new(visit: Visit) -> Response:
    use = visit.request.query_params.get("for", "site")
    return _form(visit, use, token_form.fresh(use))


async def _create(visit: Visit) -> Response:
    try:
        made = (await visit.api.send("POST", "tracker-tokens", token_form.body(visit.form))).body
    except ApiProblem as problem:
        if problem.status not in token_form.FAULTY:
            raise
        use = visit.request.query_params.get("for", "site")
        return _form(visit, use, token_form.typed(visit.form), Faults.of(problem))
    done = Done(visit.say("The token %(name)s was created.", name=made["name"]))
    to = visit.redirect(visit.url("tracker", made["id"]), done)
    return shown_once.carry(visit, to, made["id"], keys.secrets_of(made))


def _form(visit: Visit, use: str, values: dict[str, object], faults: Faults | None = None) -> Response:
    context = {"use": use, "uses": token_form.USES, "values": values, "faults": faults}
    return visit.page("tracker/new_token.html", status=422 if faults else 200, **context)


ROUTES = [
    page("/{account}/tracker", _list, permission="manage"),
    page("/{account}/tracker/new", _show_new, permission="manage", change=_create),
    page("/{account}/tracker/{token}", token_page.show, permission="manage"),
    page(
        "/{account}/tracker/{token}/edit", token_page.show_form, permission="manage", change=token_page.save
    ),
    page("/{account}/tracker/{token}/revoke", keys.show_revoke, permission="manage", change=keys.revoke),
    change("/{account}/tracker/{token}/rotate", keys.rotate, permission="manage"),
]
