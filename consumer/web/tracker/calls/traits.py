"""Which fields of a contact an `identify` sets from its traits, where its token may set them. Pure."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from consumer.domain.limits import LONGEST_TEXT
from consumer.web.tracker.calls.body import given
from consumer.web.tracker.calls.texts import fits

_MOST_TAGS: Final = 50
_MEMBERS: Final = msgspec.json.Decoder(dict[str, Any])
_FIELDS: Final = ("name", "email", "phone")
_NAMES: Final = (("firstName", "lastName"), ("first_name", "last_name"))


def contact_fields(traits: msgspec.Raw) -> dict[str, Any]:
    """Return the `data` of `contact.upserted`: name, email, phone and tags, as far as they are of their type.

    Neither owner nor link: those are of the account's own people. A name that is missing is made of first and last.
    """
    if not given(traits):
        return {}
    try:
        members = _MEMBERS.decode(traits)
    except msgspec.ValidationError:  # a number beyond any
        return {}
    fields: dict[str, Any] = {name: members[name] for name in _FIELDS if _is_text(members.get(name))}
    if "name" not in fields and (name := _full_name(members)):
        fields["name"] = name
    tags = members.get("tags")
    if isinstance(tags, list) and tags and len(tags) <= _MOST_TAGS and all(map(_is_text, tags)):
        fields["tags"] = tags
    return fields


def _full_name(members: dict[str, Any]) -> str | None:
    for names in _NAMES:
        name = " ".join(members[part] for part in names if _is_text(members.get(part)))
        if _is_text(name):
            return name
    return None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and fits(value, LONGEST_TEXT)
