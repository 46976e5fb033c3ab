"""Keys that verify tokens: one shared secret, or the issuer's public keys, read from a JWKS and refreshed."""

from __future__ import annotations

import asyncio
import json
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import jwt
import structlog

from consumer.web.http.problems import Code, ProblemError

if TYPE_CHECKING:
    from consumer.infra.clock import Clock

log = structlog.get_logger(__name__)

# Seconds between reads because of an unknown key: clients with bad tokens must not flood the JWKS server.
_RETRY_AFTER = 10.0
# Seconds after which known keys are read again, so that a withdrawn key stops working.
_REREAD_AFTER = 600.0
# Seconds that the JWKS server has to answer.
_READ_TIMEOUT = 5.0
_MAX_BYTES = 1_000_000


class Keys(Protocol):
    """A source of verification keys."""

    algorithms: tuple[str, ...]

    async def key(self, key_id: str | None) -> str | jwt.PyJWK | None:
        """Return the key of that id, None if unknown; raises ProblemError (503) if keys cannot be read."""
        ...


class SharedSecret:
    """One secret for all tokens (HS256)."""

    algorithms: tuple[str, ...] = ("HS256",)

    def __init__(self, secret: str) -> None:
        self._secret = secret

    async def key(self, _key_id: str | None) -> str | jwt.PyJWK | None:
        """Return the secret."""
        return self._secret


class KeySet:
    """Public keys (RS256, ES256) of a JWKS at a URL (`https://…`, `http://…`) or in a file, read on demand."""

    algorithms: tuple[str, ...] = ("RS256", "ES256")

    def __init__(self, source: str, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._attempted_at: float | None = None
        self._lock = asyncio.Lock()

    async def key(self, key_id: str | None) -> str | jwt.PyJWK | None:
        """Return the key of that id; without an id, the only key of a set of one.

        Raises ProblemError (503) if keys could never be read.
        """
        async with self._lock:
            if self._is_due(key_id):
                await self._read()
                self._attempted_at = self._clock.monotonic()
        if not self._keys:
            raise ProblemError(Code.UNAVAILABLE, "the keys that verify tokens cannot be read")
        return self._keys.get(key_id)

    def _is_due(self, key_id: str | None) -> bool:
        if self._attempted_at is None:
            return True
        age = self._clock.monotonic() - self._attempted_at
        return age > (_REREAD_AFTER if key_id in self._keys else _RETRY_AFTER)

    async def _read(self) -> None:
        """Read all keys; on failure keep the old ones."""
        try:
            keys = jwt.PyJWKSet.from_dict(json.loads(await asyncio.to_thread(_fetch, self._source))).keys
        except (OSError, ValueError, jwt.PyJWKError, jwt.PyJWKSetError) as error:
            log.warning("JWKS could not be read", source=self._source, error=repr(error)[:200])
            return
        self._keys = {key.key_id: key for key in keys}
        if len(keys) == 1:
            self._keys[None] = keys[0]


def _fetch(source: str) -> bytes:
    if "://" not in source:
        return Path(source).read_bytes()
    with urllib.request.urlopen(source, timeout=_READ_TIMEOUT) as response:  # noqa: S310 - settings take http(s) alone
        body: bytes = response.read(_MAX_BYTES)
    return body
