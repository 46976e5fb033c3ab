"""Sends a message to a URL of an account: to a checked address, bounded in time and size, without redirects."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final, NamedTuple

import httpx

from consumer.relay.webhooks import addresses
from consumer.relay.webhooks.addresses import ForbiddenAddressError, UnresolvableError
from consumer.relay.webhooks.message import signed_headers

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

# Seconds for a connection, and for everything together.
_CONNECT: Final = 5.0
PATIENCE: Final = 15.0
# Bytes of an answer that are read: enough for a short one, after which the connection is used again.
_ANSWER_BYTES: Final = 64 << 10
_GONE: Final = 410


class Attempt(NamedTuple):
    """What came of an attempt. status: of HTTP, if there was an answer. error: None if it has arrived."""

    status: int | None
    error: str | None

    @property
    def is_gone(self) -> bool:
        """Whether the receiver wants nothing more (410)."""
        return self.status == _GONE


class Sender:
    """Sends the messages of one webhook for a short while; its connections go to one checked address.

    Never shared by two webhooks: their hosts may have one address, and each needs its own certificate checked.
    """

    def __init__(self, url: str, signing: Sequence[str], *, private: bool, tls: ssl.SSLContext) -> None:
        self._url = httpx.URL(url)
        self._signing = signing
        self._private = private
        self._address: str | None = None
        self._client = httpx.AsyncClient(
            verify=tls,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(PATIENCE, connect=_CONNECT),
            headers={"user-agent": "Engagement-Webhooks/1", "content-type": "application/json"},
        )

    async def send(self, message: str, body: str) -> Attempt:
        """Send a message once."""
        try:
            async with asyncio.timeout(PATIENCE):
                status = await self._post(message, body.encode())
        except TimeoutError:
            return Attempt(None, f"no answer within {PATIENCE:g} s")
        except (ForbiddenAddressError, UnresolvableError, ValueError) as error:
            return Attempt(None, str(error))
        except httpx.HTTPError as error:
            return Attempt(None, f"{type(error).__name__}: {error}"[:300])
        if httpx.codes.is_success(status):
            return Attempt(status, None)
        why = "a redirect, which is not followed" if httpx.codes.is_redirect(status) else "not 2xx"
        return Attempt(status, f"answered {status}: {why}")

    async def _post(self, message: str, body: bytes) -> int:
        target = addresses.parse(str(self._url), private=self._private)
        if self._address is None:
            self._address = await addresses.resolve(target, private=self._private)
        request = self._client.build_request(
            "POST",
            self._url.copy_with(host=self._address),
            content=body,
            headers={
                "host": self._url.netloc.decode(),
                **signed_headers(message, int(time.time()), body, self._signing),
            },
            # The name that the certificate has to be for.
            extensions={"sni_hostname": target.host},
        )
        answer = await self._client.send(request, stream=True)
        try:
            read = 0
            async for part in answer.aiter_raw():
                read += len(part)
                if read > _ANSWER_BYTES:
                    break
        finally:
            await answer.aclose()
        return answer.status_code

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
