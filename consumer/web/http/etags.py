"""Revisions against lost updates: changes name the current one in `If-Match`, or are refused with 428 or 412.

A revision is a checksum of a representation, so that it changes whenever that does: by an edit, by `engagement
catalog apply`, and by a publish or an event that changes what is shown. What changes by itself, like the count of a
segment, is in a second part of the ETag, which `If-Match` ignores.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Header

from consumer.catalog.export import group_mapping, settings_mapping
from consumer.web.http.problems import Code, ProblemError
from schemas.exact_json import exact_json

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.catalog.model.account import AccountSettings, Group

# Marks the header as one that may be left out, until openapi.py has seen it.
OPTIONAL = "x-optional"

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description="The current revision in double quotes: `ETag` of a read, or `revision` in a list.",
    ),
]
# Of requests that change nothing.
OptionalIfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description="The revision that the request is about, in double quotes: another one is refused with 412.",
        json_schema_extra={OPTIONAL: True},
    ),
]


def revision(representation: Any) -> str:
    """Return the revision of a representation, given as JSON values or values that msgspec encodes."""
    return hashlib.blake2b(exact_json(representation).encode(), digest_size=8).hexdigest()


def group_revision(group: Group) -> str:
    """Return the revision of a group."""
    return revision(group_mapping(group))


def settings_revision(settings: AccountSettings) -> str:
    """Return the revision of an account's own fields."""
    return revision(settings_mapping(settings))


def set_etag(response: Response, current: str, counted: str = "") -> None:
    """Set the response's ETag. counted: a checksum of what changes by itself, which makes the ETag a weak one."""
    response.headers["ETag"] = f'W/"{current}.{counted}"' if counted else f'"{current}"'


def require_match(if_match: str | None, current: str) -> None:
    """Raise ProblemError unless `If-Match` names the current revision: 428 if missing, 412 if another."""
    # Weak tags are accepted too: compressing proxies make strong ones weak. `*` is no revision.
    tags = [each.strip().removeprefix("W/").strip('"') for each in (if_match or "").split(",")]
    named = {tag.partition(".")[0] for tag in tags} - {"", "*"}
    if not named:
        raise ProblemError(Code.REVISION_MISSING, "the If-Match header must name the current revision")
    if current not in named:
        raise ProblemError(
            Code.STALE, f'it was changed in the meantime: read it again; the current revision is "{current}"'
        )
