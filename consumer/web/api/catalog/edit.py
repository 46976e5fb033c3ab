"""Changes of configuration that come over HTTP: through the same code as `engagement catalog apply`.

Owns the way there, and that a fault is told by the field of the body that has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from consumer.catalog.change import change_account
from consumer.catalog.diff import differences
from consumer.catalog.document.from_json import JsonFaultsError, document_from_json
from consumer.web.api.catalog.schemas import OrderAnswer
from consumer.web.http import etags
from consumer.web.http.problems import body_fault, invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.responses import Response

    from consumer.catalog.change import Edit
    from consumer.catalog.model.account import AccountCatalog
    from consumer.web.http.database import Connections
    from consumer.web.http.problems import ProblemError

Entry = TypeVar("Entry")


async def edit(
    database: Connections, account: str, actor: str, make: Edit, *, since: int | None = None
) -> AccountCatalog:
    """Change an account's configuration, and return it as it is then; the rest is as for change_account."""
    async with database.connection() as connection:
        return await change_account(connection, account, make, by=actor, since=since)


def with_entry(
    before: AccountCatalog, section: str, key: str, values: Mapping[str, Any], *, parent: str = ""
) -> AccountCatalog:
    """Return the account after a group, definition or profile was created or changed, as a document does it.

    section: `groups`, `definitions` or `profiles`. values: of the body, or of its field `parent`; faults in them
    are told (422).
    """
    try:
        return _apply_document(before, {section: [{**values, "key": key}]})
    except JsonFaultsError as error:
        label = f"{section.removesuffix('s')} {key}: "
        raise _invalid(error, (parent,) if parent else (), depth=2, label=label) from None


def reordered(entries: Mapping[str, Entry], keys: list[str]) -> dict[str, Entry]:
    """Return entries in the order of the keys; raises ProblemError (422) unless each is named once."""
    missing, unknown = (
        [key for key in entries if key not in keys],
        [key for key in keys if key not in entries],
    )
    if missing or unknown or len(keys) != len(entries):
        what = [f"{', '.join(missing)} left out"] if missing else []
        what += [f"{', '.join(unknown)} unknown"] if unknown else []
        raise invalid(body_fault("keys", f"must name each key once: {'; '.join(what) or 'some repeated'}"))
    return {key: entries[key] for key in keys}


def order_answer(keys: Iterable[str], response: Response) -> OrderAnswer:
    """Return the answer about an order, its revision told in the response."""
    answer = OrderAnswer(keys=[*keys])
    etags.set_etag(response, etags.revision(answer.keys))
    return answer


def with_settings(before: AccountCatalog, values: Mapping[str, Any]) -> AccountCatalog:
    """Return the account after its own fields were changed, or after it was created."""
    try:
        return _apply_document(before, values)
    except JsonFaultsError as error:
        raise _invalid(error, (), depth=0, label="") from None


def _apply_document(before: AccountCatalog, document: Mapping[str, Any]) -> AccountCatalog:
    return differences(before, document_from_json(document, before))[1]


def _invalid(error: JsonFaultsError, parent: tuple[str, ...], *, depth: int, label: str) -> ProblemError:
    """Return the problem of faults, each by its field of the body; `depth` names lead to what that describes."""
    return invalid(
        *(
            body_fault(".".join(map(str, (*parent, *fault.path[depth:]))), fault.message.removeprefix(label))
            for fault in error.faults
        )
    )
