"""Keys that verify tokens: one shared secret, or the issuer's public keys, read from a JWKS and kept fresh.

A token whose key is known never waits: keys are read again beside the requests, by one reader at a time. So a JWKS
server that hangs delays nothing but tokens with unknown keys.
"""

from __future__ import annotations

import asyncio
import json
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import jwt
import structlog

from consumer.web.http.problems import Code, ProblemError

if TYPE_CHECKING:
    from consumer.infra.clock import Clock

log = structlog.get_logger(__name__)

# Seconds between two reads because of unknown keys: clients with bad tokens must not flood the JWKS server.
_RETRY_AFTER = 10.0
# Seconds after which known keys are read again, so that a withdrawn key stops working.
_REREAD_AFTER = 600.0
# Seconds for the JWKS server to answer: to go on with its answer, and in all.
_READ_TIMEOUT = 3.0
_READ_PATIENCE = 5.0
_MAX_BYTES = 1_000_000
_PART_BYTES = 65_536


class Keys(Protocol):
    """A source of verification keys."""

    algorithms: tuple[str, ...]

    async def key(self, key_id: str | None) -> str | jwt.PyJWK | None:
        """Return the key of that id, None if unknown; raises ProblemError (503) if keys cannot be read."""
        ...

    async def keep_fresh(self) -> None:
        """Have withdrawn keys stop working, until cancelled, whether tokens come or not."""
        ...


class SharedSecret:
    """One secret for all tokens (HS256)."""

    algorithms: tuple[str, ...] = ("HS256",)

    def __init__(self, secret: str) -> None:
        self._secret = secret

    async def key(self, _key_id: str | None) -> str | jwt.PyJWK | None:
        """Return the secret."""
        return self._secret

    async def keep_fresh(self) -> None:
        """Return at once: the secret is a setting."""


class KeySet:
    """Public keys (RS256, ES256) of a JWKS at a URL (`https://…`, `http://…`) or in a file."""

    algorithms: tuple[str, ...] = ("RS256", "ES256")

    def __init__(self, source: str, clock: Clock) -> None:
        self._source = source
        self._clock = clock
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._attempted_at: float | None = None
        self._succeeded = False
        self._reading: asyncio.Task[None] | None = None

    async def key(self, key_id: str | None) -> str | jwt.PyJWK | None:
        """Return the key of that id; without an id, the only key of a set of one. Known ones are returned at once.

        Raises ProblemError (503) if keys could never be read.
        """
        self._reread_if_due()
        if key_id not in self._keys:
            if self._reading is None and self._age() > _RETRY_AFTER:
                self._begin_reading()
            if self._reading is not None:
                # Shielded: others wait for the same reading.
                await asyncio.shield(self._reading)
        if not self._keys:
            raise ProblemError(Code.UNAVAILABLE, "the keys that verify tokens cannot be read")
        return self._keys.get(key_id)

    async def keep_fresh(self) -> None:
        """Read the keys at the start, and again whenever it is time, until cancelled."""
        try:
            while True:
                self._reread_if_due()
                await asyncio.sleep(_RETRY_AFTER)
        finally:
            if self._reading is not None:
                self._reading.cancel()

    def _age(self) -> float:
        return float("inf") if self._attempted_at is None else self._clock.monotonic() - self._attempted_at

    def _reread_if_due(self) -> None:
        if self._reading is None and self._age() > (_REREAD_AFTER if self._succeeded else _RETRY_AFTER):
            self._begin_reading()

    def _begin_reading(self) -> None:
        self._attempted_at = self._clock.monotonic()
        self._reading = asyncio.create_task(self._read(), name="jwks")

    async def _read(self) -> None:
        """Read all keys; on failure keep the old ones."""
        try:
            keys = jwt.PyJWKSet.from_dict(json.loads(await asyncio.to_thread(_fetch, self._source))).keys
        except (OSError, ValueError, jwt.PyJWKError, jwt.PyJWKSetError) as error:
            self._succeeded = False
            log.warning("JWKS could not be read", source=self._source, error=repr(error)[:200])
        else:
            self._succeeded = True
            self._keys = {key.key_id: key for key in keys}
            if len(keys) == 1:
                self._keys[None] = keys[0]
        finally:
            self._reading = None


def _fetch(source: str) -> bytes:
    """Return what is at a URL or in a file; a server that sends it drop by drop is given up as a silent one is."""
    if "://" not in source:
        return Path(source).read_bytes()
    deadline = time.monotonic() + _READ_PATIENCE
    body = b""
    with urllib.request.urlopen(source, timeout=_READ_TIMEOUT) as response:  # noqa: S310 - settings take http(s) alone
        while len(body) < _MAX_BYTES and (part := response.read1(_PART_BYTES)):
            body += part
            if time.monotonic() > deadline:
                raise TimeoutError("the answer takes too long")
    return body
