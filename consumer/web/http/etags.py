"""Revisions against lost updates: changes name the current one in `If-Match`, or are refused with 428 or 412.

A revision is a checksum of the fields that can be changed, in the form of the catalog document. So every change
changes it, also one by `engagement catalog apply`.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Header

from consumer.catalog.export import definition_mapping, group_mapping, settings_mapping, yaml_value
from consumer.web.http.problems import Code, ProblemError

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.catalog.model.account import AccountSettings, Definition, Group, Profile

IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description="The current revision in double quotes: `ETag` of a read, or `revision` in a list.",
    ),
]


def revision(document: dict[str, Any] | list[str]) -> str:
    """Return the revision of a value in document form."""
    return hashlib.blake2b(yaml_value(document).encode(), digest_size=8).hexdigest()


def definition_revision(definition: Definition) -> str:
    """Return the revision of a definition."""
    return revision(definition_mapping(definition))


def group_revision(group: Group) -> str:
    """Return the revision of a group."""
    return revision(group_mapping(group))


def profile_revision(profile: Profile) -> str:
    """Return the revision of the editable fields of a profile."""
    return revision(
        {
            "name": profile.name,
            "description": profile.description,
            "inherits": profile.inherits,
            "weights": dict(sorted(profile.weights.items())),
            "archived": profile.archived,
        }
    )


def settings_revision(settings: AccountSettings) -> str:
    """Return the revision of an account's own fields."""
    return revision(settings_mapping(settings))


def set_etag(response: Response, current: str) -> None:
    """Set the response's ETag."""
    response.headers["ETag"] = f'"{current}"'


def require_match(if_match: str | None, current: str) -> None:
    """Raise ProblemError unless `If-Match` names the current revision: 428 if missing, 412 if another."""
    # Weak tags are accepted too: compressing proxies make strong ones weak. `*` is no revision.
    named = {each.strip().removeprefix("W/").strip('"') for each in (if_match or "").split(",")} - {"", "*"}
    if not named:
        raise ProblemError(Code.REVISION_MISSING, "the If-Match header must name the current revision")
    if current not in named:
        raise ProblemError(
            Code.STALE, f'it was changed in the meantime: read it again; the current revision is "{current}"'
        )
