"""Signing in by an OpenID Connect provider: the authorization code flow with PKCE (OpenID Connect Core 1.0, §3.1).

Authlib speaks to the provider; the id token is verified with the keys that the provider publishes.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import httpx
import jwt
import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from httpx2 import HTTPError

from consumer.infra.clock import SystemClock
from consumer.web.http.auth import Claims, claims_of_payload
from consumer.web.http.jwt_keys import KeySet
from consumer.web.http.problems import Code, ProblemError

if TYPE_CHECKING:
    from collections.abc import Mapping

log = structlog.get_logger(__name__)

CALLBACK: Final = "/console/sign-in/provider/back"
_SCOPE: Final = "openid profile email"
_EMAIL: Final = "email"
# Seconds: for the provider to answer, and of clock difference.
_PATIENCE: Final = 10.0
_LEEWAY: Final = 30


@dataclass(frozen=True, slots=True)
class Provider:
    """What settings say of the provider. roles: permissions by role; empty: the claim has permissions.

    address: of the console, to which the provider leads back. actor, account, permissions: names of claims.
    """

    issuer: str
    client_id: str
    client_secret: str | None
    address: str
    actor: str = "email"
    account: str = "account"
    permissions: str = "permissions"
    roles: Mapping[str, tuple[str, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """A person on the way to the provider and back; kept in a cookie of that browser. to: the page to lead to."""

    state: str
    nonce: str
    verifier: str
    to: str

    def encoded(self) -> str:
        """Return the value of the cookie."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, cookie: str | None) -> Attempt | None:
        """Return what a cookie says; None if it says nothing."""
        try:
            return cls(**{name: str(value) for name, value in json.loads(cookie or "").items()})
        except (ValueError, TypeError, AttributeError):
            return None


class OpenIdSignIn:
    """The provider, as the console asks it. Raises ProblemError: 401 if it refuses, 503 if it does not answer."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self._endpoints: dict[str, Any] | None = None
        self._keys: KeySet | None = None

    async def begin(self, to: str) -> tuple[str, Attempt]:
        """Return the address to lead a person to, and what has to be known when the person comes back."""
        endpoints = await self._found()
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        attempt = Attempt(state, nonce, verifier, to)
        async with self._client() as client:
            address, _ = client.create_authorization_url(
                endpoints["authorization_endpoint"],
                state=attempt.state,
                nonce=attempt.nonce,
                code_verifier=attempt.verifier,
            )
        return address, attempt

    async def end(self, attempt: Attempt, parameters: Mapping[str, str]) -> Claims:
        """Return the claims of a person who has come back with these parameters."""
        if "error" in parameters:
            raise _refused(parameters.get("error_description") or parameters["error"])
        if not secrets.compare_digest(parameters.get("state", "").encode(), attempt.state.encode()):
            raise _refused("it was begun in another window: try again")
        endpoints = await self._found()
        try:
            async with self._client() as client:
                token = await client.fetch_token(
                    endpoints["token_endpoint"],
                    code=parameters.get("code", ""),
                    code_verifier=attempt.verifier,
                )
        except AuthlibBaseError as error:
            raise _refused(error.description or error.error) from None
        except (HTTPError, ValueError) as error:
            raise _unavailable(error) from None
        return await self._verified(str(token.get("id_token", "")), attempt.nonce)

    async def _verified(self, id_token: str, nonce: str) -> Claims:
        """Return the claims of an id token, as the console has them (OpenID Connect Core 1.0, §3.1.3.7)."""
        if self._keys is None:
            raise LookupError("the provider has not been asked")
        try:
            key = await self._keys.key(jwt.get_unverified_header(id_token).get("kid"))
            if key is None:
                raise _refused("its token is signed with an unknown key")
            payload = jwt.decode(
                id_token,
                key,
                algorithms=self._keys.algorithms,
                audience=self.provider.client_id,
                issuer=self.provider.issuer,
                leeway=_LEEWAY,
                options={"require": ["exp", "iat", "nonce"]},
            )
        except jwt.PyJWTError as error:
            raise _refused(str(error)) from None
        if not secrets.compare_digest(str(payload["nonce"]).encode(), nonce.encode()):
            raise _refused("its token is of another attempt: try again")
        if self.provider.actor == _EMAIL and payload.get("email_verified") is False:
            # A person may have typed the address of another one.
            raise _refused("it has not verified the e-mail address")
        return claims_of_payload(
            {
                "sub": payload.get(self.provider.actor),
                "account": payload.get(self.provider.account),
                "permissions": self._permissions(payload.get(self.provider.permissions)),
                # The session has a life of its own.
                "exp": int(datetime.now(UTC).timestamp()),
            }
        )

    def _permissions(self, claim: object) -> object:
        """Return permissions for a claim that has them, or roles: one, several, or several in one text."""
        named = claim.split() if isinstance(claim, str) else claim
        if not self.provider.roles or not isinstance(named, list):
            return named
        granted = {name for role in named for name in self.provider.roles.get(str(role), ())}
        return [f"engagement:{name}" for name in sorted(granted)]

    def _client(self) -> AsyncOAuth2Client:
        return AsyncOAuth2Client(
            client_id=self.provider.client_id,
            client_secret=self.provider.client_secret,
            token_endpoint_auth_method="client_secret_basic" if self.provider.client_secret else "none",
            redirect_uri=self.provider.address + CALLBACK,
            scope=_SCOPE,
            code_challenge_method="S256",
            timeout=_PATIENCE,
        )

    async def _found(self) -> dict[str, Any]:
        """Return the provider's endpoints (OpenID Connect Discovery 1.0); they are asked for once."""
        if self._endpoints is None:
            address = f"{self.provider.issuer}/.well-known/openid-configuration"
            try:
                async with httpx.AsyncClient(timeout=_PATIENCE) as client:
                    found = (await client.get(address)).raise_for_status().json()
                names = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
                endpoints = {name: str(found[name]) for name in names}
            except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
                raise _unavailable(error) from None
            if endpoints["issuer"].rstrip("/") != self.provider.issuer:
                raise _unavailable(f"it says that it is {endpoints['issuer']}")
            self._keys = KeySet(endpoints["jwks_uri"], SystemClock())
            self._endpoints = endpoints
        return self._endpoints


def _refused(why: str) -> ProblemError:
    return ProblemError(Code.UNAUTHENTICATED, f"the provider did not sign you in: {why[:300]}")


def _unavailable(error: object) -> ProblemError:
    log.warning("OpenID provider", error=repr(error)[:300])
    return ProblemError(Code.UNAVAILABLE, "the provider by which people sign in does not answer: try again")


def host_of(provider: Provider) -> str:
    """Return the name by which people know the provider: its host."""
    return urlsplit(provider.issuer).hostname or provider.issuer
