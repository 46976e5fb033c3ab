"""Sessions: a cookie for what a token permits, until it expires or is ended.

The database has only hashes of cookies. Every request looks its session up, so that one that was ended is gone at
once.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from consumer.web.http.auth import Claims
from sql import queries

if TYPE_CHECKING:
    from consumer.web.http.database import Connections

COOKIE = "engagement_session"
LIFETIME = timedelta(hours=8)
_LEEWAY = timedelta(minutes=1)
_SQL = queries("console_sessions")
# Of the shares of connections (http/admission.py), for whom is not known yet: no account has this key.
_SHARE = "*console"
# Sessions of which the account is known, before all are forgotten: some megabytes.
_MOST_KNOWN = 10_000


@dataclass(frozen=True, slots=True)
class Session:
    """Who is signed in. secret: the value of the cookie."""

    secret: str
    claims: Claims

    @property
    def csrf_token(self) -> str:
        """The value that every form and script has to send with a change; pages of other sites cannot know it."""
        return hmac.digest(self.secret.encode(), b"csrf", "sha256").hex()

    def sent_token(self, token: str) -> bool:
        """Return whether this is the value."""
        return hmac.compare_digest(self.csrf_token.encode(), token.encode())

    def signature(self, purpose: str, text: str) -> str:
        """Return the signature of a text, which nobody without the cookie can make."""
        return hmac.digest(self.secret.encode(), f"{purpose}={text}".encode(), "sha256").hex()


class Sessions:
    """The sessions of the installation."""

    def __init__(self, connections: Connections) -> None:
        self._of = connections.of
        # By hash: look-ups use the share of that account, so that many requests of one account, or those with
        # made-up cookies, do not keep others out.
        self._accounts: dict[bytes, str] = {}

    async def begin(self, claims: Claims, token_id: str | None) -> Session | None:
        """Begin a session of 8 hours; return None where a token with this id has begun one before.

        claims: of the token, or of who has signed in otherwise.
        """
        session = Session(secrets.token_urlsafe(32), claims)
        expires_at = datetime.now(UTC) + LIFETIME
        if token_id is not None:
            # A token's clock may differ by some seconds.
            expires_at = max(expires_at, claims.expires_at + _LEEWAY)
        async with self._of(claims.account).connection() as connection:
            row = (_hash(session.secret), claims.actor, claims.account, sorted(claims.permissions))
            began = await connection.fetchval(_SQL["begin"], *row, token_id, expires_at)
        return session if began else None

    async def find(self, secret: str) -> Session | None:
        """Return the session of a cookie; None if it has ended or never was."""
        key = _hash(secret)
        async with self._of(self._accounts.get(key, _SHARE)).connection() as connection:
            row = await connection.fetchrow(_SQL["find"], key, LIFETIME)
        if row is None:
            self._accounts.pop(key, None)
            return None
        if len(self._accounts) >= _MOST_KNOWN:
            self._accounts.clear()
        self._accounts[key] = row["account"]
        claims = Claims(row["actor"], row["account"], frozenset(row["permissions"]), row["expires_at"])
        return Session(secret, claims)

    async def end(self, session: Session) -> None:
        """End a session."""
        async with self._of(session.claims.account).connection() as connection:
            await connection.execute(_SQL["end"], _hash(session.secret))

    async def end_all(self, claims: Claims) -> None:
        """End all sessions of a person."""
        async with self._of(claims.account).connection() as connection:
            await connection.execute(_SQL["end_of_actor"], claims.account, claims.actor)


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
