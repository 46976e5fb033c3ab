"""Dead letters: those of the account, or, for operators of all accounts, those whose account cannot be read."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any, Final

from consumer.web.console.api_client import ApiProblem, part
from consumer.web.console.visit import Faults
from schemas.vocabulary import DeadLetterReason

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Visit

# Of the addresses of the list; `of` is `none` for those whose account cannot be read.
FILTERS: Final = ("of", "reason", "topic", "since")
_INVALID: Final = 422


def path_of(visit: Visit, of: str) -> str:
    """Return the API's path of the dead letters of the account, or of none."""
    return "/v1/dead-letters" if of == "none" and visit.sees_all_accounts else "dead-letters"


async def show_all(visit: Visit) -> Response:
    """List them, newest first."""
    query = visit.request.query_params
    asked = {name: query.get(name, "").strip() for name in (*FILTERS, "cursor")}
    filters = {name: asked[name] for name in ("reason", "topic", "cursor")}
    found: dict[str, Any] = {"items": [], "next": None}
    faults = None
    try:
        found = (
            await visit.api.get(path_of(visit, asked["of"]), **filters, since=instant(visit, asked["since"]))
        ).body
    except ApiProblem as problem:
        if problem.status != _INVALID:
            raise
        faults = Faults.of(problem)
    return visit.page(
        "health/dead_letters.html",
        status=_INVALID if faults else 200,
        faults=faults,
        asked=asked,
        letters=found["items"],
        following=found["next"],
        reasons=[reason.value for reason in DeadLetterReason],
    )


async def show(visit: Visit) -> Response:
    """Show a dead letter byte for byte."""
    of = visit.request.query_params.get("of", "")
    letter = (await visit.api.get(f"{path_of(visit, of)}/{part(visit.request.path_params['letter'])}")).body
    return visit.page("health/dead_letter.html", letter=letter, of=of)


def instant(visit: Visit, day: str) -> str:
    """Return the beginning of a day in the account's zone; what is no day, as it is."""
    try:
        return datetime.combine(date.fromisoformat(day), time(), visit.reader.zone).isoformat()
    except ValueError:
        return day
