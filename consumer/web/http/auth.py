"""Authenticate and authorize a request: bearer token, account in the path, permission of the route.

Checks in this order, before the body is read (api_route.py): no valid token, 401; an account that the token does
not cover, 404, as if it did not exist; a missing permission, 403. No route sees an account that was not checked
here.

Claims: `sub`, the actor in the audit trail; `account`, a key, or `*` for all accounts; `permissions`, a list of
those below, none of which implies another; `exp`. `iss` and `aud` are checked if settings name them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, cast

import jwt
from fastapi import Path, Security
from fastapi.security import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.requests import Request  # noqa: TC002 - FastAPI reads annotations at run time

from consumer.catalog.document.fields import ACCOUNT, text_problem
from consumer.web.http.database import connections_of
from consumer.web.http.problems import Code, ProblemError, not_found
from consumer.web.http.request_types import is_storable
from consumer.web.http.timestamps import LAST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fastapi.dependencies.models import Dependant

    from consumer.web.http.jwt_keys import Keys
    from consumer.web.http.known_accounts import KnownAccount, KnownAccounts
    from consumer.web.http.seal import InstallationSeal

ALL_ACCOUNTS = "*"
# In the scope of a request that the console makes in this process: the claims of the person who is signed in. No
# client can set it: servers make scopes.
SIGNED_IN = "engagement.signed_in"
# Seconds of clock difference allowed.
_CLOCK_LEEWAY = 10
# Verified tokens that are remembered, before all are forgotten.
_MOST_VERIFIED = 1_000
_CHALLENGE = {"WWW-Authenticate": "Bearer"}


class Permission(StrEnum):
    """The permissions that a token can have; none implies another."""

    READ = "engagement:read"
    MANAGE = "engagement:manage"
    OPERATE = "engagement:operate"


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of a valid token. account: a key, or ALL_ACCOUNTS. expires_at: at most LAST."""

    actor: str
    account: str
    permissions: frozenset[str]
    expires_at: datetime

    def covers(self, key: str) -> bool:
        """Return whether the token is valid for that account."""
        return self.account in {key, ALL_ACCOUNTS}


@dataclass(frozen=True, slots=True)
class Caller:
    """An authorized actor, and the account that the route works on, as it was up to a second ago."""

    actor: str
    account: KnownAccount


@dataclass(frozen=True, slots=True)
class _Verified:
    """The claims of a token, valid until it expires and while the key of that id is the one that verified it."""

    key_id: str | None
    key: str | jwt.PyJWK
    claims: Claims
    expires: float


class TokenVerifier:
    """Verifies tokens; one that it has verified it knows again, as long as that token and its key are valid.

    issuer, audience: required values of `iss` and `aud`; None: not checked.
    """

    def __init__(self, keys: Keys, *, issuer: str | None = None, audience: str | None = None) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._verified: dict[str, _Verified] = {}

    async def keep_fresh(self) -> None:
        """Keep the keys fresh, until cancelled."""
        await self._keys.keep_fresh()

    async def claims(self, token: str) -> Claims:
        """Return the claims of a token; raises ProblemError (401) if it is not valid."""
        known = self._verified.get(token)
        if (
            known is not None
            and time.time() < known.expires
            and await self._keys.key(known.key_id) is known.key
        ):
            return known.claims
        verified = await self._verify(token)
        if len(self._verified) >= _MOST_VERIFIED:
            self._verified.clear()
        self._verified[token] = verified
        return verified.claims

    async def _verify(self, token: str) -> _Verified:
        try:
            key_id = jwt.get_unverified_header(token).get("kid")
            key = await self._keys.key(key_id)
            if key is None:
                raise _invalid_token("signed with an unknown key")
            payload = jwt.decode(
                token,
                key,
                algorithms=self._keys.algorithms,
                audience=self._audience,
                issuer=self._issuer,
                leeway=_CLOCK_LEEWAY,
                options={"require": ["exp", "sub"], "verify_aud": self._audience is not None},
            )
        except jwt.ExpiredSignatureError:
            raise _invalid_token("expired") from None
        except jwt.PyJWTError as error:
            raise _invalid_token(str(error)) from None
        except (ArithmeticError, RecursionError, TypeError, ValueError):
            # Of claims like `exp: 1e400` or `aud: [[]]`, which the library does not expect.
            raise _invalid_token("a claim is not of its form") from None
        claims = claims_of_payload(payload)
        return _Verified(key_id, key, claims, claims.expires_at.timestamp() + _CLOCK_LEEWAY)


def claims_of_payload(payload: Mapping[str, Any]) -> Claims:
    """Return the claims that a verified token has; raises ProblemError (401) if one is not of its form."""
    actor, account, permissions = (payload.get(name) for name in ("sub", "account", "permissions"))
    if not isinstance(actor, str) or text_problem(actor) or not is_storable(actor):
        raise _invalid_token("claim sub must be a string of 1 to 256 characters")
    if not isinstance(account, str) or not (account == ALL_ACCOUNTS or ACCOUNT.fullmatch(account)):
        raise _invalid_token("claim account must be an account's key, or * for all")
    if not isinstance(permissions, list) or not all(isinstance(each, str) for each in permissions):
        raise _invalid_token("claim permissions must be a list of strings")
    # PyJWT has seen that it is a number; a date beyond the last one that there is means the same.
    expires_at = datetime.fromtimestamp(min(int(payload["exp"]), LAST.timestamp()), UTC)
    return Claims(actor, account, frozenset(permissions), expires_at)


def _invalid_token(why: str) -> ProblemError:
    return ProblemError(
        Code.UNAUTHENTICATED,
        f"the token is not valid: {why}",
        headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
    )


_bearer = HTTPBearer(auto_error=False, scheme_name="bearer", bearerFormat="JWT")


class _Access(SecurityBase):
    """What a route demands of a token. `authorize` checks it; as a dependency it is what was found then.

    FastAPI sees one dependency without others of its own: it spends as much on each of them as the check takes.
    """

    model = _bearer.model
    scheme_name = _bearer.scheme_name

    async def check(self, request: Request, permissions: Sequence[str]) -> None:  # noqa: ARG002 - for subclasses
        """Check the token; raises ProblemError."""
        request.state.claims = await _claims_of(request)


class _ByToken(_Access):
    """A valid token."""

    async def __call__(self, request: Request) -> Claims:
        """Return the claims of the token."""
        return cast("Claims", request.state.claims)


class _OutsideAccounts(_ByToken):
    """A token with the route's permission, for a route outside any account."""

    async def check(self, request: Request, permissions: Sequence[str]) -> None:
        """Check token and permission."""
        await super().check(request, permissions)
        _require(request.state.claims, permissions)
        async with connections_of(request).connection() as connection:
            await _seal(request).bind(connection)


class _UnderAccount(_Access):
    """A token for the account in the path, with the route's permission."""

    async def __call__(
        self,
        request: Request,
        account: Annotated[str, Path(description="The account's key.")],  # noqa: ARG002 - for the OpenAPI document
    ) -> Caller:
        """Return the authorized caller."""
        return cast("Caller", request.state.caller)

    async def check(self, request: Request, permissions: Sequence[str]) -> None:
        """Check token, account and permission."""
        await super().check(request, permissions)
        claims: Claims = request.state.claims
        key = request.path_params["account"]
        if not ACCOUNT.fullmatch(key) or not claims.covers(key):
            raise not_found(f"account {key}")
        _require(claims, permissions)
        request.state.caller = Caller(claims.actor, await _known_account(request, key))


async def authorize(request: Request, dependant: Dependant) -> None:
    """Check a request as its route demands, before its body is read; raises ProblemError."""
    for each in dependant.dependencies:
        if isinstance(each.call, _Access):
            await each.call.check(request, each.own_oauth_scopes or ())


async def _claims_of(request: Request) -> Claims:
    signed_in: Claims | None = request.scope.get(SIGNED_IN)
    if signed_in is not None:
        return signed_in
    bearer = await _bearer(request)
    if bearer is None:
        raise ProblemError(
            Code.UNAUTHENTICATED, "the Authorization header must have a bearer token", headers=_CHALLENGE
        )
    tokens: TokenVerifier = request.app.state.tokens
    return await tokens.claims(bearer.credentials)


def _require(claims: Claims, permissions: Sequence[str]) -> None:
    missing = [permission for permission in permissions if permission not in claims.permissions]
    if missing:
        raise ProblemError(Code.FORBIDDEN, f"the token lacks the permission {missing[0]}")


async def _known_account(request: Request, key: str) -> KnownAccount:
    accounts: KnownAccounts = request.app.state.accounts
    found = accounts.get(key)
    if found is not None and _seal(request).bind_known():
        return found
    async with connections_of(request).connection() as connection:
        found = await accounts.look_up(connection, key)
        await _seal(request).bind(connection)
    if found is None:
        raise not_found(f"account {key}")
    return found


def _seal(request: Request) -> InstallationSeal:
    seal: InstallationSeal = request.app.state.seal
    return seal


# Types of the first parameter of a route under `/v1/accounts/{account}`.
_under_account, _outside_accounts = _UnderAccount(), _OutsideAccounts()
Reader = Annotated[Caller, Security(_under_account, scopes=[Permission.READ.value])]
Manager = Annotated[Caller, Security(_under_account, scopes=[Permission.MANAGE.value])]
Operator = Annotated[Caller, Security(_under_account, scopes=[Permission.OPERATE.value])]
# For routes outside any one account; AnyCaller: with any valid token.
AnyCaller = Annotated[Claims, Security(_ByToken())]
AnyOperator = Annotated[Claims, Security(_outside_accounts, scopes=[Permission.OPERATE.value])]
