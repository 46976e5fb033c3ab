"""Change configuration over HTTP by the same code as `engagement catalog apply`, with faults by body field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import Depends
from starlette.requests import Request  # noqa: TC002 - FastAPI reads annotations at run time

from consumer.catalog.change import change_catalog
from consumer.catalog.document.check_limits import entry_refusals
from consumer.catalog.document.from_json import JsonFaultsError, document_from_json
from consumer.catalog.merge import merge
from consumer.catalog.model.limits import CatalogLimits
from consumer.catalog.repository import WHOLE
from consumer.web.api.catalog.schemas import OrderAnswer
from consumer.web.http import etags
from consumer.web.http.problems import body_fault, invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.responses import Response

    from consumer.catalog.change import Edit
    from consumer.catalog.model.account import AccountCatalog
    from consumer.catalog.repository import Scope
    from consumer.web.http.database import AccountConnections
    from consumer.web.http.problems import ProblemError

Entry = TypeVar("Entry")

# Keys named in the fault of an order.
_MOST_LISTED = 20


async def _limits(request: Request) -> CatalogLimits:
    limits: CatalogLimits = request.app.state.limits
    return limits


# Type of the parameter by which a route gets the limits of an account.
Limits = Annotated[CatalogLimits, Depends(_limits)]


async def edit(
    database: AccountConnections,
    account: str,
    actor: str,
    make: Edit,
    *,
    scope: Scope = WHOLE,
    since: int | None = None,
) -> AccountCatalog:
    """Change an account's configuration and return the result; arguments as for change_catalog."""
    return await database.change(
        lambda connection: change_catalog(connection, account, make, by=actor, since=since, scope=scope)
    )


def with_entry(
    before: AccountCatalog,
    section: str,
    key: str,
    values: Mapping[str, Any],
    limits: CatalogLimits | None,
    *,
    parent: str = "",
) -> AccountCatalog:
    """Return the catalog with a group, definition or profile created or changed, as by a catalog document.

    section: `groups`, `definitions` or `profiles`. values: fields of the body, or of its field `parent`.
    limits: None where nothing is stored. Raises ProblemError (422) with a fault for each invalid field and each
    exceeded limit; lists that are too long are refused before anything else is looked at.
    """
    if limits is not None:
        stored = getattr(before, section).get(key)
        if too_long := entry_refusals(values, stored, limits):
            raise invalid(*(body_fault(field, problem) for field, problem in too_long.items()))
    try:
        return _apply_document(before, {section: [{**values, "key": key}]}, limits)
    except JsonFaultsError as error:
        label = f"{section.removesuffix('s')} {key}: "
        raise _invalid(error, (parent,) if parent else (), depth=2, label=label) from None


def with_sections(
    before: AccountCatalog, sections: Mapping[str, Any], limits: CatalogLimits
) -> AccountCatalog:
    """Return the catalog with whole sections of a catalog document. Raises ProblemError (422)."""
    try:
        return _apply_document(before, sections, limits)
    except JsonFaultsError as error:
        raise _invalid(error, (), depth=0, label="") from None


def reordered(entries: Mapping[str, Entry], keys: list[str]) -> dict[str, Entry]:
    """Return entries in the order of the keys; raises ProblemError (422) unless each key is named exactly once."""
    named = frozenset(keys)
    missing = [key for key in entries if key not in named]
    unknown = [key for key in keys if key not in entries]
    if missing or unknown or len(keys) != len(entries):
        what = [f"missing {_listed(missing)}"] if missing else []
        what += [f"unknown {_listed(unknown)}"] if unknown else []
        raise invalid(
            body_fault("keys", f"must name each key once: {'; '.join(what) or 'some are repeated'}")
        )
    return {key: entries[key] for key in keys}


def _listed(keys: list[str]) -> str:
    more = len(keys) - _MOST_LISTED
    return ", ".join(keys[:_MOST_LISTED]) + (f" and {more} more" if more > 0 else "")


def order_answer(keys: Iterable[str], response: Response) -> OrderAnswer:
    """Return an order and set its ETag."""
    answer = OrderAnswer(keys=[*keys])
    etags.set_etag(response, etags.revision(answer.keys))
    return answer


def with_settings(before: AccountCatalog, values: Mapping[str, Any]) -> AccountCatalog:
    """Return the catalog with the account's own fields changed, or with the account created."""
    try:
        return _apply_document(before, values, None)  # settings have no limit
    except JsonFaultsError as error:
        raise _invalid(error, (), depth=0, label="") from None


def _apply_document(
    before: AccountCatalog, document: Mapping[str, Any], limits: CatalogLimits | None
) -> AccountCatalog:
    return merge(before, document_from_json(document, before, limits))


def _invalid(error: JsonFaultsError, parent: tuple[str, ...], *, depth: int, label: str) -> ProblemError:
    """Return the problem for faults of a document; `depth`: leading path parts that the body does not have."""
    return invalid(
        *(
            body_fault(".".join(map(str, (*parent, *fault.path[depth:]))), fault.message.removeprefix(label))
            for fault in error.faults
        )
    )
