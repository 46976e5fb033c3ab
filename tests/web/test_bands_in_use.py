"""Bands that segments name: they exist when a segment is saved, and no publish takes them away (semantics 5.35)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from consumer.catalog import DocumentFaultsError, apply_document, diff_document, parse_document
from consumer.infra import postgres
from consumer.scoring.segments import repository
from consumer.scoring.segments.definition import Match
from consumer.scoring.segments.repository import Segment
from tests.waiting import eventually
from tests.web.account_events import happen
from tests.web.sample_account import begin, draft, finish, publish
from tests.web.three_definitions import DEFINITIONS, GROUPS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from consumer.infra.postgres.connection import Connection
    from tests.pipeline.service import Service
    from tests.web.api_client import Api, Client

_BANDS = [{"key": "cold"}, {"key": "warm", "min": 5}, {"key": "hot", "min": 20}]
_GRADES = [{"key": "C"}, {"key": "A", "min": 3}]
_FRAMES: dict[str, Any] = {"overall": {"bands": _BANDS}, "groups": {"mail": {"bands": _GRADES}}}
_WITHOUT_HOT = {"bands": _BANDS[:2]}
_REFUSED = (
    "profile lead_score: segments use bands that it would not have, change them first: "
    "hot of overall (callers, either), A of group mail (either)"
)


@pytest.fixture
async def account(worker: Service, new_account: Callable[..., Awaitable[str]]) -> str:
    """Name an account with bands and a contact, and a profile without bands and one that was never published."""
    key = await new_account(
        groups=GROUPS,
        definitions=DEFINITIONS,
        profiles=[
            {"key": "lead_score", "name": "Lead score", "primary": True, **_FRAMES},
            {"key": "plain", "name": "Plain", "published": True},
            {"key": "drafted", "name": "Drafted", "published": False, **_FRAMES},
        ],
    )
    await happen(worker, key, "deal.won", "deal.won", "mail.read")
    return key


@pytest.fixture
async def client(api: Api, account: str) -> AsyncIterator[Client]:
    """Give a client of that account."""
    async with api.as_(account) as client:
        yield client


async def _save(client: Client, key: str, *conditions: dict[str, Any], profile: str | None = None) -> Any:
    body = {"key": key, "name": key, "profile": profile, "match": {"any": [*conditions]}}
    return await client.post("/segments", json=body)


async def _use(client: Client) -> None:
    """Save a segment on `hot` of the primary profile, and one on `hot` and `A` of it by its key."""
    for answer in (
        await _save(client, "callers", {"band": {"in": ["hot"]}}),
        await _save(
            client,
            "either",
            {"not": {"band": {"in": ["hot"], "group": None}}},
            {"band": {"in": ["A"], "group": "mail"}},
            profile="lead_score",
        ),
    ):
        assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(
    ("band", "profile", "field", "says"),
    [
        ({"in": ["hot", "top"]}, None, "in.1", "no band top of overall: profile lead_score has cold, warm, hot"),
        ({"in": ["hot"], "group": "mail"}, None, "in.0", "no band hot of group mail: profile lead_score has C, A"),
        ({"in": ["A"], "group": "mail"}, "plain", "in.0", "no band A of group mail: profile plain has none"),
        ({"in": ["hot"]}, "plain", "in.0", "no band hot of overall: profile plain has none"),
        ({"in": ["hot"]}, "drafted", "in.0", "no band hot of overall: profile drafted has none"),
        ({"in": ["hot"], "group": "gone"}, None, "group", "no group gone"),
        ({"in": []}, None, "in", None),
        ({"in": ["no band"]}, None, "in.0", None),
        ({"group": "mail"}, None, "in", None),
    ],
    ids=range(9),
)  # fmt: skip
async def test_unknown_bands_are_named_by_their_field(
    client: Client, band: dict[str, Any], profile: str | None, field: str, says: str | None
) -> None:
    """A band that readers do not see under the segment's profile is refused with those that there are."""
    for path in ("/segments", "/segments/count"):
        named = {} if path.endswith("count") else {"key": "x", "name": "X"}
        body = {**named, "profile": profile, "match": {"all": [{"band": band}]}}
        refused = await client.post(path, json=body)
        assert refused.status_code == 422, refused.text
        [fault] = refused.json()["errors"]
        assert fault["field"] == f"match.all.0.band.{field}"
        assert says is None or fault["detail"] == f"there is {says}"


async def test_a_publish_does_not_take_away_what_a_segment_names(api: Api, client: Client) -> None:
    """It is a conflict that says which segments name which bands; without those segments it is published."""
    await _use(client)
    await draft(client, overall=_WITHOUT_HOT, groups={})
    refused = await begin(client)
    assert (refused.status_code, refused.json().get("detail")) == (409, _REFUSED)
    answer = (await client.post("/profiles/lead_score/preview", json={})).json()["preview"]
    assert answer["bands_in_use"] == [
        {"group": None, "band": "hot", "segments": ["callers", "either"]},
        {"group": "mail", "band": "A", "segments": ["either"]},
    ]
    assert (await client.edit("/segments/either", {}, method="DELETE")).status_code == 204
    assert "change them first: hot of overall (callers)" in (await begin(client)).json()["detail"]
    await client.edit("/segments/callers", {"match": {"all": [{"band": {"in": ["warm"]}}]}})
    await publish(api, client)
    assert (await client.get("/contacts", params={"segment": "callers"})).json()["items"][0]["band"] == "warm"


async def test_what_keeps_its_key_may_move(api: Api, client: Client) -> None:
    """A publish that moves the thresholds of bands, or gives their profile others beside, takes none away."""
    await _use(client)
    wider = {"bands": [*_BANDS[:2], {"key": "hot", "min": 30}, {"key": "burning", "min": 40}]}
    await draft(client, overall=wider)
    await publish(api, client)
    listed = (await client.get("/contacts", params={"segment": "callers"})).json()["items"]
    assert listed == [], "23 points are no longer hot"


async def test_a_document_is_refused_where_it_takes_a_band_away(
    api: Api, account: str, client: Client
) -> None:
    """Applying or comparing it is a fault on the line of the bands, in the words of the conflict."""
    await _use(client)
    lines = [
        "engagement_catalog: 1",
        f"account: {account}",
        "profiles:",
        "  - key: lead_score",
        "    groups: {}",
        "    overall: {bands: [{key: cold}, {key: warm, min: 5}]}",
    ]
    connection = await postgres.connect(api.dsn)
    try:
        for read in (apply_document, diff_document):
            with pytest.raises(DocumentFaultsError) as caught:
                await read(connection, parse_document("\n".join(lines)))
            assert [(fault.line, fault.message) for fault in caught.value.faults] == [(6, _REFUSED)]
        # What is not to be published takes nothing away yet.
        await apply_document(connection, parse_document("\n".join([*lines, "    published: false"])))
    finally:
        await connection.close()
    assert (await begin(client)).status_code == 409


async def test_another_primary_profile_has_the_bands_too(client: Client) -> None:
    """A segment without a profile means the primary one: no profile becomes it that lacks a band of the segment."""
    await _use(client)
    refused = await client.edit("/primary-profile", {"profile": "plain"}, method="PUT")
    assert (refused.status_code, refused.json()["detail"]) == (
        409,
        _REFUSED.replace("lead_score", "plain").replace(
            "callers, either), A of group mail (either", "callers"
        ),
    )
    await client.edit("/segments/callers", {"profile": "lead_score"})
    assert (await client.edit("/primary-profile", {"profile": "plain"}, method="PUT")).status_code == 200


async def test_a_segment_names_no_band_that_a_publish_is_taking_away(api: Api, client: Client) -> None:
    """While a publish is under way, a band must be in the version that it builds, too."""
    await draft(client, overall=_WITHOUT_HOT)
    begun = (await begin(client)).json()["id"]
    refused = await _save(client, "callers", {"band": {"in": ["warm", "hot"]}})
    assert [(fault["field"], fault["detail"]) for fault in refused.json()["errors"]] == [
        ("match.any.0.band.in.1", "a publish of profile lead_score that is under way takes this band away")
    ]
    assert (await client.post(f"/profiles/lead_score/publishes/{begun}/cancel")).status_code == 200
    await finish(api, begun)
    assert (await _save(client, "callers", {"band": {"in": ["warm", "hot"]}})).status_code == 201


async def test_a_segment_that_is_being_saved_is_waited_for(
    api: Api, account: str, client: Client, observer: Connection
) -> None:
    """A publish that begins beside a segment's transaction finds what it names, once that has ended."""
    await draft(client, overall=_WITHOUT_HOT)
    saving = await postgres.connect(api.dsn)
    number = await saving.fetchval("select id from accounts where key = $1", account)
    match = Match.model_validate({"all": [{"band": {"in": ["hot"]}}]})
    async with saving.transaction():
        await repository.lock_segments(saving, number)
        await repository.add_segment(saving, number, Segment(key="callers", name="x", match=match))
        begun = asyncio.create_task(begin(client))

        async def waits() -> Any:
            return await observer.fetchval(
                "select exists (select from pg_stat_activity where wait_event_type = 'Lock' and query like "
                "'%from accounts where key%for no key update%' and datname = current_database())"
            )

        await eventually(waits, within=20, what="the publish waits for the segment")
    await saving.close()
    refused = await begun
    assert refused.status_code == 409, refused.text
    assert refused.json()["detail"].endswith("hot of overall (callers)")


async def test_a_group_whose_band_a_segment_names_is_not_deleted(client: Client) -> None:
    """The group of a band is in use, as that of a score is."""
    await _use(client)
    refused = await client.edit("/groups/mail", {}, method="DELETE")
    assert refused.status_code == 409
