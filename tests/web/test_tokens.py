"""Which tokens are taken: signed as the settings say, in time, with claims that can be what they must."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from consumer.__main__ import main
from consumer.infra.settings import SettingsError, load_settings, variable
from consumer.web.compose import token_verifier
from consumer.web.http.auth import TokenVerifier
from consumer.web.http.jwt_keys import KeySet, SharedSecret
from consumer.web.http.problems import Code, ProblemError
from tests.waiting import eventually
from tests.web.api_client import SECRET, mint

if TYPE_CHECKING:
    from pathlib import Path

    from tests.web.api_client import Api

RSA = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
OTHER_RSA = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())


class _Hands:
    """A clock moved by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return self.seconds


def _payload(**claims: Any) -> dict[str, Any]:
    usual = {
        "sub": "ann",
        "account": "acme",
        "permissions": ["engagement:read"],
        "exp": int(time.time()) + 60,
    }
    return {**usual, **claims}


def _key_set(**keys: Any) -> str:
    listed = []
    for name, key in keys.items():
        of = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
        listed.append({**of.to_jwk(key.public_key(), as_dict=True), "kid": name})
    return json.dumps({"keys": listed})


async def _refusal(tokens: TokenVerifier, token: str) -> str:
    with pytest.raises(ProblemError) as refused:
        await tokens.claims(token)
    assert refused.value.code is Code.UNAUTHENTICATED
    return refused.value.detail


async def test_a_valid_token_has_actor_and_permissions() -> None:
    """Actor, account and permissions come out of the claims."""
    claims = await TokenVerifier(SharedSecret(SECRET)).claims(
        mint("acme", ["engagement:read", "something:else"])
    )
    assert (claims.actor, claims.account) == ("ann", "acme")
    assert claims.permissions == {"engagement:read", "something:else"}
    assert timedelta(minutes=59) < claims.expires_at - datetime.now(UTC) <= timedelta(hours=1)
    assert claims.covers("acme")
    assert not claims.covers("acm")
    assert (await TokenVerifier(SharedSecret(SECRET)).claims(mint("*"))).covers("acme")


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": 1_600_000_000},
        {"exp": None},
        {"nbf": 4_000_000_000},
        {"sub": None},
        {"sub": ""},
        {"sub": "a\0b"},
        {"sub": 7},
        {"account": None},
        {"account": "not/one"},
        {"account": ["acme"]},
        {"permissions": None},
        {"permissions": "engagement:read"},
        {"permissions": [1]},
        {"sub": "a\ud800b"},
        {"sub": ["ann"]},
        {"exp": float("inf")},
        {"exp": float("nan")},
        {"exp": [4_000_000_000]},
        {"exp": {}},
        {"nbf": float("inf")},
        {"nbf": [1]},
        {"iat": float("-inf")},
        {"iat": [1]},
        {"account": "a\ud800"},
        {"permissions": {"engagement:read": "\ud800"}},
    ],
    ids=str,
)
async def test_claims_that_cannot_be_are_refused(claims: dict[str, Any]) -> None:
    """A token out of its time, or with a claim missing or not of its form, is not valid."""
    await _refusal(TokenVerifier(SharedSecret(SECRET)), mint("acme", **claims))


async def test_odd_claims_are_no_errors(api: Api) -> None:
    """Claims that are ignored may be anything; over HTTP a token is taken or is 401, never an error."""
    ignored: dict[str, Any] = {"name": "\ud800", "jti": "\ud800", "\ud800": 1}
    token = mint("acme", **ignored)
    assert (await TokenVerifier(SharedSecret(SECRET)).claims(token)).actor == "ann"
    for claims in ({"sub": "\ud800"}, {"exp": float("inf")}):
        headers = {"authorization": f"Bearer {mint('acme', **claims)}"}
        assert (await api.client.get("/v1/accounts/acme", headers=headers)).status_code == 401


async def test_other_signatures_are_refused() -> None:
    """Another secret, another algorithm, none, or a changed payload: not valid."""
    tokens = TokenVerifier(SharedSecret(SECRET))
    await _refusal(tokens, jwt.encode(_payload(), SECRET + "x", "HS256"))
    await _refusal(tokens, jwt.encode(_payload(), SECRET * 2, "HS512"))
    await _refusal(tokens, jwt.encode(_payload(), "", "none"))
    head, _, tail = mint("acme").split(".")
    forged = base64.urlsafe_b64encode(json.dumps(_payload(account="*")).encode()).rstrip(b"=").decode()
    await _refusal(tokens, f"{head}.{forged}.{tail}")


async def test_issuer_and_audience_are_checked_where_named() -> None:
    """With an issuer and audience set, tokens must name them; without, they may name any."""
    tokens = TokenVerifier(SharedSecret(SECRET), issuer="https://login", audience="engagement")
    for claims in (
        {},
        {"iss": "https://login"},
        {"iss": "https://login", "aud": "other"},
        {"aud": "engagement"},
    ):
        await _refusal(tokens, mint("acme", **claims))
    fitting = mint("acme", iss="https://login", aud=["other", "engagement"])
    assert (await tokens.claims(fitting)).account == "acme"
    assert (await TokenVerifier(SharedSecret(SECRET)).claims(fitting)).account == "acme"


async def test_public_keys_check_token_verifier_both_kinds(tmp_path: Path) -> None:
    """RS256 and ES256 are taken by the key that the token names, never by another, never as a shared secret."""
    file = tmp_path / "keys.json"
    file.write_text(_key_set(one=RSA, two=EC))
    tokens = TokenVerifier(KeySet(str(file), _Hands()))
    for key, name, algorithm in ((RSA, "one", "RS256"), (EC, "two", "ES256")):
        claims = await tokens.claims(jwt.encode(_payload(), key, algorithm, headers={"kid": name}))
        assert claims.actor == "ann"
    await _refusal(tokens, jwt.encode(_payload(), OTHER_RSA, "RS256", headers={"kid": "one"}))
    await _refusal(tokens, jwt.encode(_payload(), RSA, "RS512", headers={"kid": "one"}))
    await _refusal(tokens, jwt.encode(_payload(), SECRET, "HS256", headers={"kid": "one"}))
    assert "unknown key" in await _refusal(tokens, jwt.encode(_payload(), RSA, "RS256"))


async def test_keys_are_read_again_when_one_is_unknown(tmp_path: Path) -> None:
    """A key added later is found once ten seconds have passed, and one withdrawn is refused after ten minutes."""
    file, clock = tmp_path / "keys.json", _Hands()
    file.write_text(_key_set(one=RSA))
    tokens = TokenVerifier(KeySet(str(file), clock))
    first = jwt.encode(_payload(), RSA, "RS256")
    second = jwt.encode(_payload(), OTHER_RSA, "RS256", headers={"kid": "two"})
    await tokens.claims(first)
    file.write_text(_key_set(two=OTHER_RSA))
    await _refusal(tokens, second)
    clock.seconds = 11
    await tokens.claims(second)
    file.unlink()
    clock.seconds = 1000
    assert (await tokens.claims(second)).account == "acme", "keys are believed while none can be read"
    await _refusal(tokens, jwt.encode(_payload(), RSA, "RS256", headers={"kid": "one"}))


async def test_a_verified_token_stops_with_its_key(tmp_path: Path) -> None:
    """A token that was taken before is refused when its key is withdrawn, or has another key in its place."""
    file, clock = tmp_path / "keys.json", _Hands()
    tokens = TokenVerifier(KeySet(str(file), clock))
    token = jwt.encode(_payload(), RSA, "RS256", headers={"kid": "one"})
    for seconds, others in ((1000, {"two": EC}), (2000, {"one": OTHER_RSA})):
        file.write_text(_key_set(one=RSA))
        clock.seconds = seconds
        await eventually(lambda: _taken(tokens, token), within=5, what="the key")
        assert (await tokens.claims(token)).actor == "ann"
        file.write_text(_key_set(**others))
        clock.seconds = seconds + 601
        await eventually(lambda: _refused(tokens, token), within=5, what="the withdrawal")


async def test_a_verified_token_expires() -> None:
    """A token that was taken before is refused when it has expired, by ten seconds of difference of clocks."""
    tokens = TokenVerifier(SharedSecret(SECRET))
    token = mint("acme", exp=int(time.time()) - 7)
    assert (await tokens.claims(token)).actor == "ann"
    await eventually(lambda: _refused(tokens, token), within=5, what="the end of the token")
    assert "expired" in await _refusal(tokens, token)


async def test_many_tokens_are_not_all_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of verified tokens a bounded number is remembered, and each is taken as before."""
    monkeypatch.setattr("consumer.web.http.auth._MOST_VERIFIED", 3)
    tokens = TokenVerifier(SharedSecret(SECRET))
    for number in [*range(8), *range(8)]:
        assert (await tokens.claims(mint("acme", exp=4_000_000_000 + number))).actor == "ann"
        assert len(tokens._verified) <= 3


async def _taken(tokens: TokenVerifier, token: str) -> bool:
    return not await _refused(tokens, token)


async def _refused(tokens: TokenVerifier, token: str) -> bool:
    try:
        await tokens.claims(token)
    except ProblemError:
        return True
    return False


class _Jwks:
    """A JWKS server that answers by hand. asked: how often."""

    def __init__(self, keys: str) -> None:
        self.asked = 0
        self.keys = keys
        self.answering = threading.Event()
        jwks = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                jwks.asked += 1
                jwks.answering.wait(30)
                body = jwks.keys.encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/keys"
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.01])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.answering.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


async def test_a_jwks_that_hangs_delays_no_known_key() -> None:
    """While an unknown key is looked up, and while known ones are read again, tokens with known keys are taken.

    One look-up is under way at a time, and all tokens with unknown keys wait for that one.
    """
    clock = _Hands()
    with _Jwks(_key_set(one=RSA)) as jwks:
        jwks.answering.set()
        tokens = TokenVerifier(KeySet(jwks.url, clock))
        known = jwt.encode(_payload(), RSA, "RS256", headers={"kid": "one"})
        new = jwt.encode(_payload(), OTHER_RSA, "RS256", headers={"kid": "two"})
        await tokens.claims(known)
        jwks.answering.clear()
        jwks.keys = _key_set(two=OTHER_RSA)
        clock.seconds = 11
        unknown = [asyncio.create_task(tokens.claims(new)) for _ in range(5)]
        await eventually(lambda: jwks.asked == 2, within=5, what="the look-up")
        for seconds in (11, 12, 2000):
            clock.seconds = seconds
            answering = asyncio.create_task(tokens.claims(known))
            await asyncio.wait([answering], timeout=0.5)
            assert answering.done(), "it waits for the JWKS"
            assert answering.result().actor == "ann"
        assert not any(task.done() for task in unknown)
        jwks.answering.set()
        for claims in await asyncio.gather(*unknown):
            assert claims.actor == "ann"
        assert jwks.asked == 2
        await _refusal(tokens, known)


async def test_a_withdrawn_key_stops_working_without_tokens() -> None:
    """Keys are read again after ten minutes beside requests: after a silent time the first token meets new ones."""
    clock = _Hands()
    with _Jwks(_key_set(one=RSA)) as jwks:
        jwks.answering.set()
        keys = KeySet(jwks.url, clock)
        watching = asyncio.create_task(keys.keep_fresh())
        await eventually(lambda: "one" in keys._keys, within=5, what="the first keys")
        watching.cancel()
        jwks.keys = _key_set(two=OTHER_RSA)
        clock.seconds = 601
        watching = asyncio.create_task(keys.keep_fresh())
        await eventually(lambda: "two" in keys._keys, within=5, what="the keys of then")
        await _refusal(TokenVerifier(keys), jwt.encode(_payload(), RSA, "RS256", headers={"kid": "one"}))
        watching.cancel()


async def test_without_keys_the_api_is_unavailable(tmp_path: Path) -> None:
    """Until keys have been read, every token is answered 503, not 401."""
    file, clock = tmp_path / "late.json", _Hands()
    tokens, token = TokenVerifier(KeySet(str(file), clock)), jwt.encode(_payload(), RSA, "RS256")
    for _ in range(2):
        with pytest.raises(ProblemError) as refused:
            await tokens.claims(token)
        assert refused.value.code is Code.UNAVAILABLE
        file.write_text(_key_set(one=RSA))
    clock.seconds = 11
    assert (await tokens.claims(token)).actor == "ann"


async def test_the_command_mints_what_the_api_takes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`engagement token` prints a token with the account, actor, permissions and life that it was asked for."""
    for name, value in {"jwt_secret": SECRET, "jwt_issuer": "me", "jwt_audience": "you"}.items():
        monkeypatch.setenv(variable(name), value)
    arguments = ["--account", "acme", "--actor", "bob", "--permission", "read", "--expires", "5m"]
    assert main(["token", *arguments]) == 0
    token = capsys.readouterr().out.strip()
    made = load_settings(database=False, kafka=False)
    claims = await token_verifier(made).claims(token)
    assert (claims.actor, claims.account, claims.permissions) == (
        "bob",
        "acme",
        frozenset({"engagement:read"}),
    )
    left = jwt.decode(token, options={"verify_signature": False})["exp"] - time.time()
    assert 290 < left <= 300


def test_without_a_way_to_check_tokens_nothing_starts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a secret and without keys there is no web side, nor a token: each says which settings are missing."""
    for name in ("jwt_secret", "jwt_jwks"):
        monkeypatch.delenv(variable(name), raising=False)
    monkeypatch.setenv(variable("database_url"), "postgresql://nobody@localhost/none")
    made = load_settings(kafka=False)
    with pytest.raises(SettingsError, match="ENGAGEMENT_JWT_SECRET or ENGAGEMENT_JWT_JWKS is missing"):
        token_verifier(made)
    assert main(["token", "--account", "acme"]) == 1
    assert "ENGAGEMENT_JWT_SECRET is not set" in capsys.readouterr().err
