"""Signed addresses under which a host product shows a contact: each is good for one contact, for a while, to read.

The address is the whole authorization: no cookie, no token. It is sealed with the installation's key, so that every
process knows its own addresses again, and nobody else can make one or see who asked for it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

if TYPE_CHECKING:
    from consumer.domain.sealed_ids import Seal

_PURPOSE = b"embedded contact"


class EmbedKind(StrEnum):
    """What an address shows."""

    PANEL = "panel"
    BADGE = "badge"


class Embed(msgspec.Struct, frozen=True, array_like=True):
    """What an address is good for. expires_at: seconds since 1970. profile: by key, None: the primary one.

    actor: who asked for the address, in whose name the API is read.
    """

    kind: EmbedKind
    account: str
    contact: str
    profile: str | None
    actor: str
    expires_at: int

    @property
    def path(self) -> str:
        """The path of the address, not quoted."""
        own = f"/embed/{self.account}/contacts/{self.contact}"
        return f"{own}/badge" if self.kind is EmbedKind.BADGE else own

    @property
    def has_expired(self) -> bool:
        """Whether its time is over."""
        return datetime.now(UTC).timestamp() >= self.expires_at


def address_of(seal: Seal, embed: Embed) -> str:
    """Return the address, below that of the service."""
    token = seal.close(msgspec.msgpack.encode(embed), _PURPOSE)
    own = f"/embed/{quote(embed.account, safe='')}/contacts/{quote(embed.contact, safe='')}"
    return f"{own}{'/badge' if embed.kind is EmbedKind.BADGE else ''}?token={token}"


def read_token(seal: Seal, token: str, path: str) -> Embed | None:
    """Return what the token of an address is good for; None where it is not one of this path."""
    content = seal.open(token, _PURPOSE)
    if content is None:
        return None
    embed = msgspec.msgpack.decode(content, type=Embed)
    return embed if embed.path == path else None
