"""Calls over HTTP: what is answered, what is in Kafka by then, and what is noted of each."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.waiting import eventually
from tests.web.api_client import bearer

if TYPE_CHECKING:
    import httpx

    from tests.tracker.site import Site

USER = {"userId": "ann"}


@pytest.mark.parametrize(
    ("path", "body", "type_"),
    [
        ("track", {"event": "plan.chosen", "properties": {"plan": "pro"}}, "track.plan.chosen"),
        ("t", {"event": "plan.chosen"}, "track.plan.chosen"),
        ("page", {"name": "Home"}, "track.page"),
        ("p", {}, "track.page"),
        ("screen", {}, "track.screen"),
        ("s", {}, "track.screen"),
        ("identify", {"traits": {"name": "Ann"}}, "track.identify"),
        ("i", {}, "track.identify"),
        ("group", {"groupId": "acme"}, "track.group"),
        ("g", {"groupId": "acme"}, "track.group"),
        ("alias", {"previousId": "x1"}, "track.alias"),
        ("a", {"previousId": "x1"}, "track.alias"),
    ],
)
async def test_a_call_is_in_kafka_when_it_is_answered(
    site: Site, path: str, body: dict[str, Any], type_: str
) -> None:
    """Each call, by its long and its short path, is answered 200 once Kafka has its event."""
    token = await site.token()
    answer = await site.post(token, path, {**USER, "messageId": "m1", **body})
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    [event] = await site.events(token.account)
    assert (event["type"], event["id"], event["source"]) == (type_, "m1", f"/tracker/{token.id}")
    assert "actorid" not in event


@pytest.mark.parametrize("path", ["batch", "b", "import"])
async def test_a_batch_is_answered_call_by_call(site: Site, path: str) -> None:
    """Good calls of a batch are recorded, the others are named with their index and reason."""
    token = await site.token(event_names=["a", "page"])
    batch = [
        {"type": "track", "event": "a", "messageId": "m0", **USER},
        {"type": "track", "event": "b", "messageId": "m1", **USER},
        {"type": "page", "messageId": "m2", "anonymousId": "x"},
        {"type": "dance", **USER},
        7,
    ]
    answer = await site.post(token, path, {"batch": batch})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["success"], body["accepted"]) == (True, 2)
    assert [(each["index"], each["reason"]) for each in body["refused"]] == [
        *((1, "name_not_allowed"), (3, "malformed"), (4, "malformed"))
    ]
    assert sorted(event["id"] for event in await site.events(token.account)) == ["m0", "m2"]


async def test_a_batch_of_which_nothing_is_accepted_is_400(site: Site) -> None:
    """Where nothing was recorded the answer is no success."""
    token = await site.token()
    answer = await site.post(token, "batch", {"batch": [{"type": "track", **USER}]})
    assert answer.status_code == 400
    assert (answer.json()["success"], answer.json()["accepted"]) == (False, 0)
    assert (await site.post(token, "batch", {"batch": []})).status_code == 400


async def test_the_key_may_stand_in_four_places(site: Site) -> None:
    """Basic authentication, the body, a header and a parameter are the same; wherever else it is no key."""
    token = await site.token()
    page, key = {**USER, "messageId": "m"}, token.key
    basic = base64.b64encode(f"{key}:".encode()).decode()
    for headers, query, body in (
        ({"authorization": f"Basic {basic}"}, "", page),
        ({"authorization": f"Bearer {key}"}, "", page),
        ({"x-write-key": key}, "", page),
        ({}, f"?writeKey={key}", page),
        ({}, "", {**page, "writeKey": key}),
    ):
        answer = await site.client.post(f"/v1/page{query}", json=body, headers=headers)
        assert answer.status_code == 200, (headers, query)
    answer = await site.client.post("/v1/page", json={**page, "properties": {"writeKey": key}})
    assert answer.status_code == 401
    batch = {"batch": [{"type": "page", **page}], "writeKey": key}
    assert (await site.client.post("/v1/batch", content=json.dumps(batch))).status_code == 200


async def test_bodies_may_be_compressed(site: Site) -> None:
    """Libraries of servers send gzip."""
    token = await site.token()
    content = gzip.compress(json.dumps({"batch": [{"type": "page", **USER}]}).encode())
    answer = await site.client.post(
        "/v1/batch", content=content, headers={"content-encoding": "gzip"}, auth=token.basic
    )
    assert answer.status_code == 200


async def test_events_of_a_contact_stay_in_order(site: Site) -> None:
    """Whatever comes together: the events of one contact are in one partition, in the order of their answers."""
    token = await site.token()
    contacts = [f"contact-{number}" for number in range(8)]

    async def visit(contact: str) -> None:
        for number in range(20):
            body = {"userId": contact, "messageId": f"{contact}-{number}"}
            assert (await site.post(token, "page", body)).status_code == 200

    await asyncio.gather(*map(visit, contacts))
    records = [
        (record.partition, json.loads(record.value or b""))
        for record in await site.installation.read("tracked")
    ]
    for contact in contacts:
        own = [(place, event["id"]) for place, event in records if event["subject"] == contact]
        assert [id_ for _, id_ in own] == [f"{contact}-{number}" for number in range(20)]
        assert len({place for place, _ in own}) == 1


async def test_more_than_one_batch_of_kafka_takes(site: Site) -> None:
    """Megabytes for one partition at once go out in several batches, and nothing falls between them."""
    token = await site.token(per_second=10_000, per_second_by_address=10_000)

    def batch(number: int) -> dict[str, Any]:
        call = {"type": "track", "event": "a", **USER, "properties": {"text": "x" * 3_000}}
        return {"batch": [{**call, "messageId": f"{number}-{inner}"} for inner in range(100)]}

    answers = await asyncio.gather(*(site.post(token, "batch", batch(number)) for number in range(12)))
    assert {answer.json()["accepted"] for answer in answers} == {100}
    ids = [event["id"] for event in await site.events(token.account)]
    assert sorted(ids) == sorted(f"{number}-{inner}" for number in range(12) for inner in range(100))


async def test_callers_name_neither_account_nor_actor(site: Site) -> None:
    """What a caller says of account, source or actor stays in its properties."""
    token = await site.token()
    forged = {"accountid": "acme", "account": "acme", "actorid": "bob", "source": "/crm", "xp": 100}
    body = {"event": "a", **USER, **forged, "properties": forged, "context": forged, "into": "bob"}
    assert (await site.post(token, "track", body)).status_code == 200
    [event] = await site.events(token.account)
    assert (event["accountid"], event["source"]) == (token.account, f"/tracker/{token.id}")
    assert "actorid" not in event
    assert event["data"]["properties"] == forged
    assert not {"into", "xp", "actorid"} & event["data"].keys()


@pytest.mark.parametrize(
    ("settings", "headers", "body", "status", "reason", "field"),
    [
        ({"event_names": ["b"]}, {}, {"event": "a", **USER}, 403, "name_not_allowed", "event"),
        ({"anonymous_only": True}, {}, {"event": "a", **USER}, 403, "contact_not_allowed", "userId"),
        (
            {"origins": ["https://shop.example"]},
            {"origin": "https://evil.example"},
            {},
            403,
            "origin_not_allowed",
            "Origin",
        ),
        (
            {"origins": ["https://shop.example"]},
            {},
            {"event": "a", **USER},
            403,
            "origin_not_allowed",
            "Origin",
        ),
        ({}, {}, {"event": "a"}, 400, "malformed", "userId"),
        ({}, {}, [], 400, "malformed", None),
        ({}, {}, {"event": "a", "userId": "ann", "properties": "x" * 40_000}, 413, "too_large", None),
    ],
)
async def test_refusals_say_why(
    site: Site,
    *,
    settings: dict[str, Any],
    headers: dict[str, str],
    body: object,
    status: int,
    reason: str,
    field: str | None,
) -> None:
    """A refused call is answered with its reason and the field at fault, and the account's people see the same."""
    token = await site.token(**settings)
    answer = await site.post(token, "track", body, **headers)
    assert answer.status_code == status
    assert (answer.json()["reason"], answer.json().get("field")) == (reason, field)
    [noted] = await site.requests(token)
    assert (noted["status"], noted["reason"], noted["field"]) == (status, reason, field)
    assert await site.events(token.account) == []


async def test_requests_are_noted(site: Site) -> None:
    """The account's people see what came and what became of it, newest first, and no whole address."""
    token = await site.token(event_names=["a"])
    await site.post(token, "track", {"event": "a", **USER}, origin="https://shop.example")
    await site.post(
        token, "batch", {"batch": [{"type": "track", "event": name, **USER} for name in ("a", "b")]}
    )
    newest, oldest = await site.requests(token)
    assert (oldest["call"], oldest["status"], oldest["accepted"], oldest["refused"]) == ("track", 200, 1, 0)
    assert (oldest["origin"], oldest["address"]) == ("https://shop.example", "127.0.0.0/24")
    assert (newest["call"], newest["accepted"], newest["refused"]) == ("batch", 1, 1)
    assert {(event["name"], event["reason"]) for event in newest["events"]} == {
        *(("b", "name_not_allowed"), ("a", None))
    }


async def test_a_revoked_token_stops(site: Site) -> None:
    """Within two seconds of being revoked a key is unknown, and its last requests say that it was revoked."""
    token = await site.token()
    path = f"/v1/accounts/{token.account}/tracker-tokens/{token.id}"
    etag = (await site.client.get(path, headers=bearer(token.account))).headers["etag"]
    revoked = await site.client.delete(path, headers={**bearer(token.account), "if-match": etag})
    assert revoked.status_code == 204

    async def refused() -> httpx.Response:
        answer = await site.post(token, "page", USER)
        assert answer.status_code != 200
        return answer

    answer = await eventually(refused, within=2, what="the key to be unknown")
    assert (answer.status_code, answer.json()["reason"]) == (401, "unknown_key")
    assert "revoked" in (await site.requests(token))[0]["detail"]


async def test_pages_may_call(site: Site) -> None:
    """A browser's question is answered for any page; the answer may be read by those of the token only."""
    token = await site.token(origins=["https://shop.example"])
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    answer = await site.client.options("/v1/t", headers={"origin": "https://any.example", **asked})
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    own = await site.post(token, "page", {"anonymousId": "x"}, origin="https://shop.example")
    assert own.headers["access-control-allow-origin"] == "https://shop.example"
    assert "Origin" in own.headers["vary"]
    other = await site.post(token, "page", {"anonymousId": "x"}, origin="https://evil.example")
    assert other.status_code == 403
    assert "access-control-allow-origin" not in other.headers


async def test_the_settings_document(site: Site) -> None:
    """Segment's browser library finds where to send calls, and no third party; an unknown key has no settings."""
    token = await site.token()
    answer = await site.client.get(f"/v1/projects/{token.key}/settings")
    assert answer.status_code == 200
    [integration] = answer.json()["integrations"].values()
    assert integration["apiHost"] == f"127.0.0.1:{site.port}/v1"
    assert integration["protocol"] == "http"
    assert (await site.client.get("/v1/projects/nobody/settings")).status_code == 401
    assert (await site.client.post("/v1/m", json={"series": []})).status_code == 200


async def test_the_script(site: Site) -> None:
    """The script is served compressed, with an ETag, to pages of any site."""
    answer = await site.client.get("/tracker.js")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["content-encoding"] == "gzip"
    again = await site.client.get("/tracker.js", headers={"if-none-match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    plain = await site.client.get("/tracker.js", headers={"accept-encoding": "identity"})
    assert plain.text == answer.text


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/track"), ("PUT", "/v1/batch"), ("POST", "/v1/pixel.gif"), ("DELETE", "/v1/m")],
)
async def test_other_methods_are_405(site: Site, method: str, path: str) -> None:
    """A method that a path does not have is 405 with those that it has."""
    answer = await site.client.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"]


async def test_the_api_is_beside_it(site: Site) -> None:
    """All other paths are the API's, with its own answers."""
    assert (await site.client.get("/v1/me", headers=bearer("*"))).status_code == 200
    assert (await site.client.get("/v1/tracked")).status_code == 404
    assert "engagement_tracker_requests_total" in (await site.client.get("/metrics")).text


async def test_uses_of_tokens_are_counted(site: Site) -> None:
    """What a token has accepted and refused is on the token within seconds."""
    token = await site.token(event_names=["a"])
    for name in ("a", "a", "b"):
        await site.post(token, "track", {"event": name, **USER})
    path = f"/v1/accounts/{token.account}/tracker-tokens/{token.id}"

    async def counted() -> dict[str, Any]:
        shown: dict[str, Any] = (await site.client.get(path, headers=bearer(token.account))).json()
        assert (shown["accepted"], shown["refused"]) == (2, 1)
        return shown

    shown = await eventually(counted, within=15, every=0.2, what="the uses to be counted")
    assert shown["last_used_at"] is not None
