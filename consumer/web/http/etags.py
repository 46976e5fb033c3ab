"""Revisions: what a change must name, so that nobody overwrites what somebody else changed meanwhile.

Owns what a revision is and the two refusals, 428 and 412. A revision is a checksum of what can be changed, as the
catalog's document says it: whoever changes it, by whatever way, changes its revision.
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
        description="The revision that is changed: `ETag` of a read, or `revision` in a list, in double quotes.",
    ),
]


def revision(document: dict[str, Any] | list[str]) -> str:
    """Return the revision of something as its document says it."""
    return hashlib.blake2b(yaml_value(document).encode(), digest_size=8).hexdigest()


def definition_revision(definition: Definition) -> str:
    """Return the revision of a definition."""
    return revision(definition_mapping(definition))


def group_revision(group: Group) -> str:
    """Return the revision of a group."""
    return revision(group_mapping(group))


def profile_revision(profile: Profile) -> str:
    """Return the revision of what can be edited of a profile."""
    return revision(
        {
            "name": profile.name,
            "description": profile.description,
            "inherits": profile.inherits,
            "weights": dict(sorted(profile.weights.items())),
        }
    )


def settings_revision(settings: AccountSettings) -> str:
    """Return the revision of an account's own fields."""
    return revision(settings_mapping(settings))


def set_etag(response: Response, current: str) -> None:
    """Tell the revision of what is answered."""
    response.headers["ETag"] = f'"{current}"'


def require_match(if_match: str | None, current: str) -> None:
    """Refuse a change that does not name the current revision (412), or none at all (428)."""
    # Weak ones are taken too: proxies that compress make strong ones weak. `*` names none.
    named = {each.strip().removeprefix("W/").strip('"') for each in (if_match or "").split(",")} - {"", "*"}
    if not named:
        raise ProblemError(
            Code.REVISION_MISSING, "the header If-Match must name the revision that is to be changed"
        )
    if current not in named:
        raise ProblemError(
            Code.STALE, f'it was changed meanwhile: read it again; its revision is now "{current}"'
        )
