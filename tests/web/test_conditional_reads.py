"""ETags of reads: they change whenever the representation does, and `If-None-Match` is answered 304 until then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.web.account_events import happen
from tests.web.sample_account import draft, publish, scored

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.pipeline.service import Service
    from tests.web.api_client import Api, Client

PATHS = (
    "",
    "/groups/mail",
    "/definitions/deal_won",
    "/definitions/email_opened",
    "/profiles/lead_score",
    "/segments/hot",
    "/group-order",
    "/definition-order",
    "/profile-order",
    "/segment-order",
    "/primary-profile",
)
HOT = {"key": "hot", "name": "Hot", "match": {"all": [{"score": {"min": 1}}]}}


@pytest.fixture
async def account(api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]) -> str:
    """Name an account that has scores and a segment whose members were counted."""
    account = await scored(worker, new_account)
    async with api.as_(account) as client:
        await client.post("/segments", json=HOT)
        await client.get("/segments")
    return account


def _without_age(body: dict[str, Any]) -> dict[str, Any]:
    """Leave out what grows with the time, by which a segment's ETag is a weak one."""
    return {**body, "count": {**body["count"], "age_seconds": None}} if "count" in body else body


async def test_what_the_client_has_is_not_sent_again(api: Api, account: str) -> None:
    """304 has the ETag and no body, for the tag alone, a weak one, or among others; else the answer is whole."""
    async with api.as_(account) as client:
        for path in PATHS:
            seen = await client.get(path)
            tag = seen.headers["etag"]
            for named in (tag, f'"0000", W/{tag.removeprefix("W/")}', "*"):
                answer = await client.get(path, headers={"if-none-match": named})
                assert (answer.status_code, answer.content) == (304, b""), path
                assert answer.headers["etag"] == tag
                assert "content-length" not in answer.headers
            other = await client.get(path, headers={"if-none-match": '"0000"'})
            assert (other.status_code, _without_age(other.json())) == (200, _without_age(seen.json()))
        missing = await client.get("/groups/nothing", headers={"if-none-match": "*"})
        assert missing.status_code == 404
        listed = await client.get("/groups", headers={"if-none-match": "*"})
        assert (listed.status_code, "etag" in listed.headers) == (200, False)


async def test_a_tag_changes_whenever_the_representation_does(
    api: Api, worker: Service, account: str
) -> None:
    """After each edit, event or publish exactly the representations that differ have other tags."""

    async def look(client: Client) -> dict[str, tuple[dict[str, Any], str]]:
        return {
            path: (_without_age(answer.json()), answer.headers["etag"])
            for path, answer in [(path, await client.get(path)) for path in PATHS]
        }

    async with api.as_(account) as client:
        changes: list[tuple[Callable[[], Awaitable[Any]], set[str]]] = [
            (lambda: client.edit("", {"sales": True}), {""}),
            (lambda: client.edit("/groups/mail", {"name": "M"}), {"/groups/mail"}),
            (
                lambda: client.edit("/definitions/deal_won", {"name": "Won"}),
                {"/definitions/deal_won", "/profiles/lead_score"},
            ),
            (
                lambda: client.edit("/definitions/email_opened", {"default_points": 9}),
                {"/definitions/email_opened", "/profiles/lead_score"},
            ),
            (
                lambda: client.edit("/definitions/deal_won", {"group": "mail"}),
                {"/definitions/deal_won", "/profiles/lead_score"},
            ),
            (lambda: draft(client, description="x"), {"/profiles/lead_score"}),
            (
                lambda: publish(api, client),
                {"/definitions/deal_won", "/definitions/email_opened", "/profiles/lead_score"},
            ),
            (lambda: client.post("/profiles", json={"key": "b", "name": "B"}), {"/profile-order"}),
            (lambda: client.edit("/segments/hot", {"name": "H"}), {"/segments/hot"}),
            (lambda: happen(worker, account, "deal.won", subject="cid"), set()),
        ]
        before = await look(client)
        for change, expected in changes:
            await change()
            after = await look(client)
            differ = {path for path in PATHS if after[path][0] != before[path][0]}
            assert differ == expected
            assert {path for path in PATHS if after[path][1] != before[path][1]} == differ
            before = after


async def test_a_count_makes_no_edit_stale(api: Api, account: str) -> None:
    """A segment's tag has its count too, which changes without an edit: `If-Match` compares the revision alone."""
    async with api.as_(account) as client:
        seen = await client.get("/segments/hot")
        revision = seen.headers["etag"].removeprefix('W/"').partition(".")[0]
        assert revision == seen.json()["revision"]
        for tag in (f'"{revision}"', f'"{revision}.0000"', seen.headers["etag"]):
            changed = await client.patch("/segments/hot", json={}, headers={"if-match": tag})
            assert changed.status_code == 200
        assert changed.headers["etag"] != seen.headers["etag"], "its count starts over"
