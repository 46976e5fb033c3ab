"""Tokens of the tracker are managed over the API: created, listed, changed, rotated, revoked, and audited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from consumer.domain.tracker_keys import hash_of
from consumer.domain.tracker_links import CLICKED, OPENED, Link, is_signed
from consumer.infra.postgres.connection import fetch_one
from consumer.web.tracker.recent_requests import UNKNOWN, RecentEvent, RecentRequest, RecentRequests
from tests.web.api_client import bearer
from tests.web.tracker_tokens import make_token

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from consumer.infra.postgres.connection import Connection
    from tests.web.api_client import Api, Client

SETTINGS = {
    "name": "Shop",
    "origins": ["https://shop.example.com"],
    "event_names": ["Signed Up", "page"],
    "anonymous_only": True,
    "may_set_traits": False,
    "keeps_addresses": True,
    "query_parameters": ["q"],
    "per_second": 7,
    "per_second_by_address": 3,
    "per_day": 1000,
}


@pytest.fixture
async def client(api: Api, new_account: Callable[..., Awaitable[str]]) -> AsyncIterator[Client]:
    """Give a client of a new account."""
    async with api.as_(await new_account()) as client:
        yield client


@pytest.fixture
def recent(api: Api) -> Iterator[RecentRequests]:
    """Give the recent requests of a process that serves the tracker."""
    api.app.state.recent_requests = made = RecentRequests()
    yield made
    api.app.state.recent_requests = None


async def test_a_token_is_created_and_read(client: Client, observer: Connection) -> None:
    """The answer has all settings, and key and secret this once; the database has the key's hash only."""
    token = await make_token(client, **SETTINGS)
    assert {name: token[name] for name in SETTINGS} == SETTINGS
    key, secret = token.pop("key"), token.pop("signing_secret")
    shown = await client.get(f"/tracker-tokens/{token['id']}")
    assert shown.json() == token
    assert [one["ending"] for one in token["keys"]] == [key[-4:]]
    assert (token["accepted"], token["refused"], token["last_used_at"]) == (0, 0, None)
    stored = await fetch_one(
        observer,
        "select t::text as token, k.hash, k::text as key from tracker_tokens t "
        "join tracker_keys k on k.token_id = t.id where t.id = $1",
        token["id"],
    )
    assert stored["hash"] == hash_of(key)
    assert key not in stored["token"] + stored["key"]
    audited = (await client.get("/audit")).text
    assert key not in audited
    assert secret not in audited


async def test_settings_have_defaults(client: Client) -> None:
    """A name is enough: any origin and event, contacts too, no traits, no addresses, and limits."""
    token = await make_token(client)
    assert {name: token[name] for name in SETTINGS} == {
        "name": "Shop",
        "origins": [],
        "event_names": [],
        "anonymous_only": False,
        "may_set_traits": False,
        "keeps_addresses": False,
        "query_parameters": [],
        "per_second": 500,
        "per_second_by_address": 100,
        "per_day": 5_000_000,
    }


async def test_origins_are_kept_as_browsers_send_them(client: Client) -> None:
    """In lower case, without the scheme's own port and a slash at the end, each once."""
    given = ["https://Shop.example.com/", "https://shop.example.com:443", "http://localhost:8000"]
    assert (await make_token(client, origins=given))["origins"] == [
        "http://localhost:8000",
        "https://shop.example.com",
    ]


async def test_all_faults_are_named_at_once(client: Client) -> None:
    """Each faulty field is in the answer."""
    refused = await client.post(
        "/tracker-tokens",
        json={
            "name": "",
            "origins": ["https://shop.example.com/page", "shop.example.com"],
            "event_names": ["a\nb"],
            "anonymous_only": "yes",
            "query_parameters": [""],
            "per_second": 0,
            "per_day": 1.5,
            "key": "mine",
        },
    )
    assert refused.status_code == 422
    assert {fault["field"] for fault in refused.json()["errors"]} == {
        *("name", "origins.0", "origins.1", "event_names.0", "anonymous_only", "query_parameters.0"),
        *("per_second", "per_day", "key"),
    }


async def test_a_token_is_changed_by_revision(client: Client) -> None:
    """Omitted fields stay; without the revision nothing changes, and with an old one neither."""
    token = await make_token(client, **SETTINGS)
    path = f"/tracker-tokens/{token['id']}"
    assert (await client.patch(path, json={"per_day": 5})).status_code == 428
    seen = (await client.get(path)).headers["etag"]
    changed = await client.edit(path, {"per_day": 5, "origins": []})
    assert {name: changed.json()[name] for name in SETTINGS} == {**SETTINGS, "per_day": 5, "origins": []}
    stale = await client.patch(path, json={"per_day": 6}, headers={"if-match": seen})
    assert stale.status_code == 412
    assert (await client.edit(path, {"name": None})).status_code == 422


async def test_tokens_are_listed_by_pages(client: Client) -> None:
    """Oldest first; the revoked ones only where they are asked for."""
    tokens = [await make_token(client, name=str(number)) for number in range(5)]
    await _revoke(client, tokens[1])
    for revoked, names in (("false", ["0", "2", "3", "4"]), ("true", ["0", "1", "2", "3", "4"])):
        listed: list[dict[str, Any]] = []
        parameters = {"revoked": revoked, "limit": "2"}
        while True:
            page = (await client.get("/tracker-tokens", params=parameters)).json()
            listed += page["items"]
            if page["next"] is None:
                break
            parameters["cursor"] = page["next"]
        assert [one["name"] for one in listed] == names
        assert not any({"key", "signing_secret"} & one.keys() for one in listed)


async def test_an_account_has_fifty_tokens_at_most(client: Client) -> None:
    """Beyond that creating one is a conflict; a revoked one makes room."""
    tokens = [await make_token(client) for _ in range(50)]
    refused = await client.post("/tracker-tokens", json={"name": "Shop"})
    assert refused.status_code == 409
    await _revoke(client, tokens[0])
    await make_token(client)


async def test_a_key_is_rotated(client: Client) -> None:
    """The key before is valid for a day, or as long as is asked for; five are valid at most, and zero ends them."""
    token = await make_token(client)
    path = f"/tracker-tokens/{token['id']}"
    first = (await client.post(f"{path}/rotate")).json()
    assert first["key"] != token["key"]
    assert first["signing_secret"] != token["signing_secret"]
    before, now = (await client.get(path)).json()["keys"]
    assert (before["ending"], now["ending"]) == (token["key"][-4:], first["key"][-4:])
    assert now["expires_at"] is None
    assert before["expires_at"] is not None
    for _ in range(3):
        assert (await client.post(f"{path}/rotate", json={"old_valid_for": 3600})).status_code == 200
    assert (await client.post(f"{path}/rotate")).status_code == 409
    last = await client.post(f"{path}/rotate", json={"old_valid_for": 0})
    assert [one["ending"] for one in (await client.get(path)).json()["keys"]] == [last.json()["key"][-4:]]
    assert (await client.post(f"{path}/rotate", json={"old_valid_for": -1})).status_code == 422


async def test_expired_keys_do_not_pile_up(client: Client, observer: Connection) -> None:
    """However often a token is rotated, a few of its expired keys are kept."""
    token = await make_token(client)
    for _ in range(12):
        await client.post(f"/tracker-tokens/{token['id']}/rotate", json={"old_valid_for": 0})
    count = await observer.fetchval("select count(*) from tracker_keys where token_id = $1", token["id"])
    assert count <= 6


async def test_a_revoked_token_stays_revoked(client: Client) -> None:
    """It is shown without keys, and nothing about it can be changed."""
    token = await make_token(client)
    path = f"/tracker-tokens/{token['id']}"
    await _revoke(client, token)
    shown = await client.get(path)
    assert (shown.json()["keys"], shown.json()["revoked_at"] is not None) == ([], True)
    current = {"if-match": shown.headers["etag"]}
    assert (await client.patch(path, json={"name": "x"}, headers=current)).status_code == 409
    assert (await client.post(f"{path}/rotate")).status_code == 409
    assert (await client.delete(path, headers=current)).status_code == 409


async def test_changes_are_audited(client: Client) -> None:
    """Who created, changed, rotated and revoked it is on record, with what differs."""
    token = await make_token(client, **SETTINGS)
    path = f"/tracker-tokens/{token['id']}"
    await client.edit(path, {"per_day": 5, "per_second": 7})
    await client.edit(path, {"per_day": 5})
    await client.post(f"{path}/rotate")
    await _revoke(client, token)
    entries = [one for one in (await client.get("/audit")).json()["items"] if one["key"] == token["id"]]
    assert [(one["action"], one["subject"], one["actor"]) for one in entries] == [
        (action, "tracker_token", "ann") for action in ("revoked", "rotated", "changed", "created")
    ]
    assert (entries[2]["before"], entries[2]["after"]) == ({"per_day": 1000}, {"per_day": 5})
    assert entries[3]["after"] == SETTINGS


async def test_a_token_of_another_account_does_not_exist(
    api: Api, client: Client, new_account: Callable[..., Awaitable[str]]
) -> None:
    """By the routes of another account it is not found."""
    token = await make_token(client)
    async with api.as_(await new_account()) as stranger:
        path = f"/tracker-tokens/{token['id']}"
        recipients = {"recipients": [{"contact": "ann", "object": "m"}]}
        links = {"key": token["key"], "base_url": "https://t.example.com", **recipients}
        for method, below, body in (
            ("GET", "", None),
            ("PATCH", "", {"name": "x"}),
            ("DELETE", "", None),
            ("POST", "/rotate", None),
            ("POST", "/links", links),
            ("GET", "/requests", None),
        ):
            assert (await stranger.request(method, path + below, json=body)).status_code == 404


async def test_links_are_signed_for_each_recipient(client: Client) -> None:
    """A thousand at once, with the secret of the key that is in them; a click leads where it was asked for."""
    token = await make_token(client)
    rotated = (await client.post(f"/tracker-tokens/{token['id']}/rotate")).json()
    page = "https://shop.example.com/?a=1&b=2"
    recipients = [
        {"contact": "ann+müller@example.com", "object": "mail 7", "url": page},
        *({"contact": f"contact{number}", "object": "mail 7"} for number in range(999)),
    ]
    for key in (token, rotated):
        body = {"key": key["key"], "base_url": "https://track.example.com/", "recipients": recipients}
        made = await client.post(f"/tracker-tokens/{token['id']}/links", json=body)
        assert made.status_code == 200, made.text
        links = made.json()["links"]
        assert [(one["contact"], one["object"]) for one in links] == [
            (one["contact"], one["object"]) for one in recipients
        ]
        assert links[1]["click"] is None
        pixel, click = (_query(links[0][kind]) for kind in ("pixel", "click"))
        secret, contact = key["signing_secret"].encode(), recipients[0]["contact"]
        assert (pixel["t"], pixel["c"], pixel["o"]) == (key["key"], contact, "mail 7")
        assert is_signed(secret, Link(OPENED, contact, "mail 7"), pixel["s"])
        assert is_signed(secret, Link(CLICKED, contact, "mail 7", page), click["s"])
        assert links[0]["pixel"].startswith("https://track.example.com/v1/pixel.gif?")


@pytest.mark.parametrize(
    ("fault", "field"),
    [
        ({"key": "wk_other"}, "key"),
        ({"base_url": "track.example.com"}, "base_url"),
        ({"base_url": "https://track.example.com/?x=1"}, "base_url"),
        ({"recipients": []}, "recipients"),
        ({"recipients": [{"contact": "a", "object": "b"}] * 1001}, "recipients"),
        ({"recipients": [{"contact": "a\nb", "object": "b"}]}, "recipients.0.contact"),
        ({"recipients": [{"contact": "anonymous:a", "object": "b"}]}, "recipients.0.contact"),
        ({"recipients": [{"contact": "a", "object": "b\n"}]}, "recipients.0.object"),
        (
            {"recipients": [{"contact": "a", "object": "b", "url": "javascript:alert(1)"}]},
            "recipients.0.url",
        ),
        (
            {"recipients": [{"contact": "a", "object": "b", "url": "https://x.example\r\nX: y"}]},
            "recipients.0.url",
        ),
    ],
)
async def test_links_are_refused(client: Client, fault: dict[str, Any], field: str) -> None:
    """With another token's key, or for what no link can be, nothing is signed."""
    token = await make_token(client)
    body = {
        "key": token["key"],
        "base_url": "https://track.example.com",
        "recipients": [{"contact": "ann", "object": "mail-7"}],
        **fault,
    }
    refused = await client.post(f"/tracker-tokens/{token['id']}/links", json=body)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field)


async def test_links_are_for_what_the_token_may_record(client: Client) -> None:
    """A token that may not record opens or clicks makes no links for them: they would record nothing."""
    token = await make_token(client, event_names=["email.opened"])
    body = {
        "key": token["key"],
        "base_url": "https://t.example.com",
        "recipients": [{"contact": "a", "object": "b"}],
    }
    path = f"/tracker-tokens/{token['id']}/links"
    assert (await client.post(path, json=body)).status_code == 200
    body["recipients"] = [{"contact": "a", "object": "b", "url": "https://shop.example.com"}]
    refused = await client.post(path, json=body)
    assert (refused.status_code, "email.clicked" in refused.json()["detail"]) == (409, True)


async def test_links_that_would_be_refused_are_not_made(client: Client) -> None:
    """One that is longer than the tracker reads is a fault, of the recipient that it is for."""
    token = await make_token(client)
    page = "https://shop.example.com/" + "ü" * 1500
    recipients = [{"contact": "a", "object": "b"}, {"contact": "a", "object": "b", "url": page}]
    body = {"key": token["key"], "base_url": "https://t.example.com", "recipients": recipients}
    refused = await client.post(f"/tracker-tokens/{token['id']}/links", json=body)
    assert [fault["field"] for fault in refused.json()["errors"]] == ["recipients.1"]


async def test_an_expired_key_signs_nothing(client: Client) -> None:
    """After a rotation that ends it, links are made with the new key alone."""
    token = await make_token(client)
    await client.post(f"/tracker-tokens/{token['id']}/rotate", json={"old_valid_for": 0})
    body = {
        "key": token["key"],
        "base_url": "https://t.example.com",
        "recipients": [{"contact": "a", "object": "b"}],
    }
    refused = await client.post(f"/tracker-tokens/{token['id']}/links", json=body)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "key")


async def test_recent_requests_are_shown(client: Client, recent: RecentRequests) -> None:
    """Where the process serves the tracker, they are answered as noted, newest first."""
    token = await make_token(client)
    path = f"/tracker-tokens/{token['id']}/requests"
    assert (await client.get(path)).json()["items"] == []
    refused = {
        "name": "Signed Up",
        "reason": "name_not_allowed",
        "field": "event",
        "detail": "not among the event names of the token",
    }
    for status, events in ((200, ()), (403, (RecentEvent(**refused),))):
        recent.note(
            token["id"],
            RecentRequest(at=recent.since, call="track", status=status, events=events, address="203.0.113.7"),
        )
    shown = (await client.get(path)).json()["items"]
    assert [(one["call"], one["status"], one["address"]) for one in shown] == [
        ("track", 403, "203.0.113.0/24"),
        ("track", 200, "203.0.113.0/24"),
    ]
    assert shown[0]["events"] == [refused]


async def test_requests_are_asked_for_where_the_tracker_is(api: Api, client: Client) -> None:
    """A process that serves no tracker says so."""
    token = await make_token(client)
    for answer in (
        await client.get(f"/tracker-tokens/{token['id']}/requests"),
        await api.client.get("/v1/tracker-requests", headers=bearer("*")),
    ):
        assert (answer.status_code, "--only tracker" in answer.json()["detail"]) == (409, True)


async def test_operators_see_requests_with_unknown_keys(api: Api, recent: RecentRequests) -> None:
    """Requests that belong to no token are shown to tokens of all accounts, and to no other."""
    recent.note("a token", RecentRequest(at=recent.since, call="track", status=200))
    recent.note(UNKNOWN, RecentRequest(at=recent.since, call="page", status=401, reason="unknown_key"))
    path, operate = "/v1/tracker-requests", ["engagement:operate"]
    shown = (await api.client.get(path, headers=bearer("*", operate))).json()["items"]
    assert [(one["call"], one["reason"]) for one in shown] == [("page", "unknown_key")]
    assert (await api.client.get(path, headers=bearer("acme", operate))).status_code == 404


async def _revoke(client: Client, token: dict[str, Any]) -> None:
    path = f"/tracker-tokens/{token['id']}"
    etag = (await client.get(path)).headers["etag"]
    revoked = await client.delete(path, headers={"if-match": etag})
    assert revoked.status_code == 204, revoked.text


def _query(link: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(link).query, strict_parsing=True))
