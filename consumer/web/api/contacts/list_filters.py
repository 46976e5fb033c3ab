"""The query parameters of a list of contacts, and what they mean in the database."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, Query

from consumer.infra.clock import SystemClock
from consumer.scoring.segments import member_sql, repository
from consumer.web.api.contacts.profile_view import ProfileKey  # noqa: TC001 - FastAPI reads annotations at run time
from consumer.web.api.contacts.shown_scores import OVERALL, no_band
from consumer.web.http.parameter_classes import made_of
from consumer.web.http.problems import invalid, query_fault
from consumer.web.http.request_types import BandKey, Key, SearchText, Text  # noqa: TC001 - FastAPI reads annotations at run time
from consumer.web.http.timestamps import FIRST
from sql import queries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from consumer.infra.postgres.connection import Connection
    from consumer.scoring.segments.repository import ResolvedMatch
    from consumer.web.api.contacts.profile_view import ProfileView

_SQL = queries("contacts")
# A filter that leaves at most so many contacts is evaluated first: looking all of them up takes some milliseconds.
_MAX_CANDIDATES = 5_000
_MAX_BIGINT = 2**63 - 1
EVERY_NUMBER = (-_MAX_BIGINT, _MAX_BIGINT)
_LAST_EVENT = "last_event_at"
# In the statements of lists: where `conditions` go.
CONDITIONS = "/* and conditions */"
_CONTACT = "s.contact_id"

# A contact's place in a list: its points, or the microseconds from 1970 to its last event, and its id.
ListPosition = tuple[int, int]

Points = Annotated[int, Query(ge=-(2**53), le=2**53)]
Sort = Annotated[
    str | None,
    Query(
        pattern=r"^-?(score(\.[a-z][a-z0-9_]{0,63})?|last_event_at)$",
        description="`score` (overall), `score.GROUP` or `last_event_at`, ascending; with a leading `-` "
        "descending. Default: `-score.GROUP` for the `group` filter, or else `-score`.",
    ),
]


@dataclass(frozen=True, slots=True)
class ContactFilters:
    """Query parameters of a list: profile, order, filters."""

    profile: ProfileKey = None
    sort: Sort = None
    q: Annotated[
        SearchText | None,
        Query(
            description="Only contacts with a name or an e-mail in which each of these words begins a word, or "
            "whose id begins with it. Case and accents do not matter."
        ),
    ] = None
    group: Annotated[
        Key | None,
        Query(
            description="Only contacts with something counted or adjusted in this group; `min`, `max` and `band` "
            "refer to it."
        ),
    ] = None
    minimum: Annotated[
        Points | None,
        Query(
            alias="min",
            description="Least points, inclusive, in `group` or else in the sort field; overall, if that has none.",
        ),
    ] = None
    maximum: Annotated[Points | None, Query(alias="max", description="Most points, inclusive.")] = None
    band: Annotated[
        BandKey | None,
        Query(description="Only contacts in this band of what `min` and `max` refer to, by its key."),
    ] = None
    owner: Annotated[
        Text | None, Query(description="Only contacts of this owner, as in `contact.upserted`.")
    ] = None
    segment: Annotated[
        Key | None, Query(description="Only members of this segment, whichever profile it refers to.")
    ] = None

    @property
    def is_heavy(self) -> bool:
        """Whether finding the contacts may take more than milliseconds, the more the more the account has."""
        return self.segment is not None or self.q is not None


# Type of the parameter by which a route gets them.
ContactFilterParams = Annotated[ContactFilters, Depends(made_of(ContactFilters))]


@dataclass(frozen=True, slots=True)
class ContactQuery:
    """Filters by id, of contacts in the order of their points in `sort_group`, or (None) of their last events.

    filter_group: a group other than the sort group, with a range of its own; or None. with_event: only contacts
    with an event on their timeline.
    """

    account: int
    view: ProfileView
    ascending: bool
    sort_group: int | None
    sort_range: tuple[int, int]
    filter_group: int | None
    filter_range: tuple[int, int]
    owner: str | None
    text: str | None
    segment: ResolvedMatch | None
    with_event: bool = False

    @property
    def may_be_sparse(self) -> bool:
        """Whether it has conditions that a scan may find no contact for, however far it goes."""
        return self.segment is not None or self.text is not None

    def by_points(self) -> ContactQuery:
        """Return what selects the same contacts in the order of points."""
        if self.sort_group is not None:
            return self
        return replace(self, sort_group=OVERALL, sort_range=EVERY_NUMBER, with_event=True)


async def build_query(
    connection: Connection, account: int, view: ProfileView, filters: ContactFilters
) -> ContactQuery:
    """Resolve keys in the filters to ids; raises ProblemError (422) for unknown ones."""
    if filters.minimum is not None and filters.maximum is not None and filters.minimum > filters.maximum:
        raise invalid(query_fault("max", f"must not be less than min, {filters.minimum}"))
    ranged = view.group_id(filters.group, "group") if filters.group else None
    sort = filters.sort or (f"-score.{filters.group}" if filters.group else "-score")
    sort_group = _sort_group(view, sort)
    has_bounds = not (filters.minimum is None and filters.maximum is None and filters.band is None)
    if sort_group is None and ranged is None and has_bounds:
        ranged = OVERALL
    bounds = _sums(view, filters, ranged if ranged is not None else sort_group or OVERALL)
    same = ranged in {None, sort_group}
    sort_range = bounds if same else EVERY_NUMBER
    segment = (
        None if filters.segment is None else await _resolve_segment(connection, account, filters.segment)
    )
    if segment is not None and sort_group is not None:
        # The scan can skip contacts that their points alone exclude from the segment.
        member_bounds = member_sql.score_bounds(
            segment.match, segment.context, profile=view.id, group=sort_group
        )
        sort_range = (max(sort_range[0], member_bounds[0]), min(sort_range[1], member_bounds[1]))
    return ContactQuery(
        account=account,
        view=view,
        ascending=not sort.startswith("-"),
        sort_group=sort_group,
        sort_range=sort_range,
        filter_group=None if same else ranged,
        filter_range=bounds,
        owner=filters.owner,
        text=filters.q,
        segment=segment,
    )


def _sums(view: ProfileView, filters: ContactFilters, group: int) -> tuple[int, int]:
    """Return the range of sums that show what `min`, `max` and `band` ask for; raises ProblemError (422)."""
    frame = view.frame(group)
    ends: list[tuple[int | None, int | None]] = [(filters.minimum, filters.maximum)]
    if filters.band is not None:
        of_band = frame.band_range(filters.band)
        if of_band is None:
            keys = [band.key for band in frame.bands]
            named = view.group_key(group) if group else None
            raise invalid(query_fault("band", no_band(filters.band, named, view.profile, keys)))
        ends.append(of_band)
    least = max((least for least, _ in ends if least is not None), default=EVERY_NUMBER[0])
    most = min((most for _, most in ends if most is not None), default=EVERY_NUMBER[1])
    return frame.sums(least, most)


def _sort_group(view: ProfileView, sort: str) -> int | None:
    field, _, group = sort.removeprefix("-").partition(".")
    if field == _LAST_EVENT:
        return None
    return view.group_id(group, "sort") if group else OVERALL


async def _resolve_segment(connection: Connection, account: int, key: str) -> ResolvedMatch:
    stored = await repository.read_segment(connection, account, key)
    if stored is None:
        raise invalid(query_fault("segment", f"there is no segment {key}"))
    return await repository.resolve_match(connection, account, stored.segment, SystemClock().now())


async def narrowed(connection: Connection, query: ContactQuery) -> tuple[ContactQuery, Sequence[int] | None]:
    """Return the ids of the contacts that one filter leaves, if they are few, and the query without that filter.

    The ids are None, and the query is as it was, if no filter leaves few.
    """
    most = _MAX_CANDIDATES + 1
    if query.text is not None:
        found = await connection.fetch(_SQL["found"], query.account, query.text, most)
        if len(found) < most:
            return replace(query, text=None), sorted({row["contact_id"] for row in found})
    if query.owner is not None:
        owned = await connection.fetch(_SQL["owned"], query.account, query.owner, most)
        if len(owned) < most:
            return replace(query, owner=None), [row["contact_id"] for row in owned]
    if query.filter_group is not None:
        version = query.view.id, query.view.version
        ranged = await connection.fetch(
            _SQL["ranged"], *version, query.filter_group, *query.filter_range, most
        )
        if len(ranged) < most:
            return replace(query, filter_group=None), [row["contact_id"] for row in ranged]
    return query, None


def conditions(query: ContactQuery, parameters: member_sql.Parameters, *, joined: bool = False) -> str:
    """Return what a list asks of each contact `s.contact_id` beside its order, as SQL after other conditions.

    joined: select all contacts of each condition at once, instead of looking up each contact. Run that under
    `plan_for_many`.
    """
    parts: list[str] = []

    def ask(name: str, values: Mapping[str, Any]) -> None:
        if joined:
            parts.append(_in(parameters.fill(f"all_{name}", values)))
        else:
            parts.append(parameters.fill(f"one_{name}", values, contact=_CONTACT))

    if query.filter_group is not None:
        least, most = query.filter_range
        version = {"profile": query.view.id, "version": query.view.version, "group": query.filter_group}
        ask("in_range", {**version, "least": least, "most": most})
    if query.owner is not None:
        ask("owned", member_sql.owner_values(query.account, [query.owner]))
    if query.text is not None:
        ask("found", _search(query))
    if query.segment is not None:
        match, context = query.segment.match, query.segment.context
        parts.append(
            _in(member_sql.member_selection(match, context, parameters))
            if joined
            else member_sql.member_condition(match, context, parameters, contact=_CONTACT)
        )
    if query.with_event:
        had = {"account": query.account, "since": FIRST, "definitions": None}
        parts.append(parameters.fill("one_had_event", had, contact=_CONTACT))
    return "\n".join(f"and {part}" for part in parts)


def _in(selection: str) -> str:
    # Not `any(array(…))`, which is no join: it would look through the whole selection for each contact.
    return f"{_CONTACT} in ({selection})"


def sparse_selection(query: ContactQuery, parameters: member_sql.Parameters) -> tuple[str, ContactQuery]:
    """Return the selection of all contacts of a condition that may be sparse, and the query without it.

    Run the selection under `plan_for_many`.
    """
    if query.segment is not None:
        match, context = query.segment.match, query.segment.context
        return member_sql.member_selection(match, context, parameters), replace(query, segment=None)
    return parameters.fill("all_found", _search(query)), replace(query, text=None)


def _search(query: ContactQuery) -> dict[str, Any]:
    return {"account": query.account, "text": query.text}
