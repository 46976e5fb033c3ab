"""The pages of score profiles, without scripts: the list, drafts, bounds and bands, versions, archive."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import TYPE_CHECKING, Any

import pytest

from consumer.scoring.profile_publish import preview
from consumer.web.http.auth import Permission
from tests.console.profile_samples import HOSTILE, hostile_account
from tests.web.account_events import record
from tests.web.sample_account import draft, publish, scored

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import httpx

    from consumer.infra.postgres.connection import Connection
    from tests.console.console_client import Console, Person
    from tests.pipeline.service import Service
    from tests.web.api_client import Api

    NewAccount = Callable[..., Awaitable[str]]

BANDS = {"bands": [{"key": "cold"}, {"key": "warm", "min": 20}, {"key": "hot", "min": 51}]}


@pytest.fixture
async def account(worker: Service, new_account: NewAccount) -> str:
    """Name an account in which ann has 52 points and bob 50."""
    return await scored(worker, new_account)


def _text(page: httpx.Response) -> str:
    """Return what a page says, without its tags."""
    return " ".join(re.sub(r"<[^>]+>", " ", page.text).split())


def _revision(page: httpx.Response) -> str:
    found = re.search(r'name="revision" value="(\w+)"', page.text)
    assert found is not None, page.text
    return found[1]


async def _save(person: Person, address: str, page: httpx.Response, **weights: str) -> httpx.Response:
    """Send the form of the weights as a browser does: with every field as the page has it, and these typed."""
    fields = dict(re.findall(r'name="((?:weight|was):\w+)" value="(-?\w*)"', page.text))
    fields |= {f"weight:{key}": text for key, text in weights.items()}
    sent = {"revision": _revision(page), "inherits": "true", "was:inherits": "true", **fields}
    return await person.submit(f"{address}/weights", **sent)


async def test_the_list_says_which_is_primary_and_what_waits(
    api: Api, console: Console, account: str
) -> None:
    """Each profile is listed with its version, whether it is primary, and whether its draft waits."""
    async with api.as_(account) as client:
        await client.post(
            "/profiles", json={"key": "renewals", "name": "Renewals", "description": "Who stays"}
        )
        await draft(client, weights={"deal_won": 60})
    page = await (await console.as_(account)).open(f"/console/{account}/profiles")
    assert page.status_code == 200, page.text
    text = _text(page)
    assert "Primary" in text
    assert "Version 1 Draft not published" in text
    assert "Renewals Never published Who stays" in text


async def test_profiles_are_moved(api: Api, console: Console, account: str) -> None:
    """A profile is moved up and down in the order of all lists."""
    async with api.as_(account) as client:
        await client.post("/profiles", json={"key": "renewals", "name": "Renewals"})
        person = await console.as_(account)
        await person.open(f"/console/{account}/profiles")
        moved = await person.submit(f"/console/{account}/profiles/order", profile="renewals", up="1")
        assert moved.status_code == 200
        assert (await client.get("/profile-order")).json()["keys"] == ["renewals", "lead_score"]
        # Where it is at the end already nothing happens.
        await person.submit(f"/console/{account}/profiles/order", profile="renewals", up="1")
        assert (await client.get("/profile-order")).json()["keys"] == ["renewals", "lead_score"]


async def test_a_profile_is_created_as_a_copy_and_deleted(api: Api, console: Console, account: str) -> None:
    """A new profile begins as another's draft, with a key made of its name; unpublished it can be deleted."""
    async with api.as_(account) as client:
        await draft(client, weights={"deal_won": 60}, overall=BANDS)
        person = await console.as_(account)
        new = f"/console/{account}/profiles/new"
        await person.open(new)
        made = await person.submit(new, name="Até renovação", description="x", **{"from": "lead_score"})
        assert made.url.path == f"/console/{account}/profiles/ate_renovacao"
        stored = (await client.get("/profiles/ate_renovacao")).json()
        assert (stored["name"], stored["weights"]) == ("Até renovação", {"deal_won": 60})
        assert [band["key"] for band in stored["overall"]["bands"]] == ["cold", "warm", "hot"]
        details = await person.open(f"/console/{account}/profiles/ate_renovacao/details")
        gone = await person.submit(
            f"/console/{account}/profiles/ate_renovacao/delete", revision=_revision(details)
        )
        assert "Até renovação is deleted." in gone.text
        assert (await client.get("/profiles/ate_renovacao")).status_code == 404


async def test_a_name_that_is_refused_keeps_what_was_typed(console: Console, account: str) -> None:
    """A key that exists, or is none, is said in the API's words, and the form keeps what was typed."""
    person = await console.as_(account)
    new = f"/console/{account}/profiles/new"
    await person.open(new)
    taken = await person.submit(new, name="Mine", key="lead_score", description="Typed text")
    assert taken.status_code == 409
    assert "profile lead_score already exists" in taken.text
    assert ">Typed text</textarea>" in taken.text
    bad = await person.submit(new, name="Mine", key="Not a key")
    assert bad.status_code == 422
    assert 'value="Not a key"' in bad.text
    assert 'id="fault-key"' in bad.text


async def test_weights_are_saved_and_what_differs_is_marked(api: Api, console: Console, account: str) -> None:
    """A changed weight is stored in the draft, marked as different from what readers see, and listed as waiting."""
    person = await console.as_(account)
    address = f"/console/{account}/profiles/lead_score"
    page = await person.open(address)
    assert page.status_code == 200, page.text
    assert "The draft is what readers see, version 1." in _text(page)
    saved = await _save(person, address, page, deal_won="-5")
    assert saved.status_code == 200, saved.text
    text = _text(saved)
    assert "1 difference from version 1, which readers see" in text
    assert "Deal won +50 −5" in text
    async with api.as_(account) as client:
        assert (await client.get("/profiles/lead_score")).json()["weights"] == {"deal_won": -5}
    # An empty field is the catalog's points again.
    emptied = await _save(person, address, saved, deal_won="")
    assert "The draft is what readers see, version 1." in _text(emptied)


async def test_weights_stand_beside_how_often_they_counted(
    console: Console, worker: Service, account: str
) -> None:
    """Beside its points a rule has how often it counted in 30 days, and its share of all points."""
    yesterday = datetime.now(UTC) - timedelta(days=1)
    await worker.batch([record(account, kind, at=yesterday) for kind in ("deal.won", "email.opened")])
    person = await console.as_(account)
    text = _text(await person.open(f"/console/{account}/profiles/lead_score", counts="1"))
    assert re.search(r"Deal won deal_won \+50 1 98%", text), text
    assert re.search(r"Email opened email_opened \+1 1 2%", text), text


async def test_a_weight_that_is_no_number_is_said_at_its_field(console: Console, account: str) -> None:
    """What the API refuses is said at the field in its words; nothing is saved, and what was typed stays."""
    person = await console.as_(account)
    address = f"/console/{account}/profiles/lead_score"
    refused = await _save(person, address, await person.open(address), deal_won="many", email_opened="3")
    assert refused.status_code == 422
    assert 'value="many"' in refused.text
    assert 'value="3"' in refused.text
    assert re.search(r'id="fault-deal_won">.*must be a whole number', refused.text, re.DOTALL)


async def test_a_stale_change_keeps_what_was_typed(api: Api, console: Console, account: str) -> None:
    """Of two managers the second learns of the first one's change, keeps what was typed, and saves it over that."""
    address = f"/console/{account}/profiles/lead_score"
    ann, bob = await console.as_(account), await console.as_(account, actor="bob")
    seen_by_ann, seen_by_bob = await ann.open(address), await bob.open(address)
    await _save(ann, address, seen_by_ann, email_opened="7")
    late = await _save(bob, address, seen_by_bob, deal_won="40")
    assert late.status_code == 412
    assert "changed meanwhile" in late.text
    assert "The last change of this profile is by ann, just now" in _text(late)
    assert re.search(r'name="weight:deal_won" value="40"', late.text)
    assert "not saved; it is +50 now" in _text(late)
    # What ann has saved is shown, and stays when bob saves what he typed.
    assert re.search(r'name="weight:email_opened" value="7"', late.text)
    saved = await _save(bob, address, late)
    assert saved.status_code == 200
    async with api.as_(account) as client:
        stored = (await client.get("/profiles/lead_score")).json()["weights"]
    assert stored == {"email_opened": 7, "deal_won": 40}


async def test_bounds_and_bands_are_saved(api: Api, console: Console, account: str) -> None:
    """Bounds and bands of overall, and a group apart, are stored; the range is drawn with the bands in it."""
    person = await console.as_(account)
    address = f"/console/{account}/profiles/lead_score/bounds"
    page = await person.open(address)
    assert page.status_code == 200, page.text
    sent: dict[str, Any] = {"floor": "0", "cap": "100", "band": ["cold", "hot"], "min": ["", "50"]}
    saved = await person.submit(f"{address}/save", revision=_revision(page), group="", **sent)
    assert saved.status_code == 200, saved.text
    assert "cold, hot from 50" in saved.text
    group = {"revision": _revision(saved), "group": "mail", "floor": "", "cap": "10", "apart": "1"}
    assert (await person.submit(f"{address}/save", **group)).status_code == 200
    async with api.as_(account) as client:
        stored = (await client.get("/profiles/lead_score")).json()
    assert (stored["overall"]["floor"], stored["overall"]["cap"]) == (0, 100)
    assert [(band["key"], band["min"]) for band in stored["overall"]["bands"]] == [
        ("cold", None),
        ("hot", 50),
    ]
    assert (stored["groups"]["mail"]["cap"], stored["groups"]["mail"]["apart"]) == (10, True)


async def test_bands_are_added_and_removed(api: Api, console: Console, account: str) -> None:
    """Without scripts a band more is a field more to fill in; removing one saves the others."""
    async with api.as_(account) as client:
        await draft(client, overall=BANDS)
        person = await console.as_(account)
        address = f"/console/{account}/profiles/lead_score/bounds"
        page = await person.open(address)
        bands: dict[str, Any] = {"band": ["cold", "warm", "hot"], "min": ["", "20", "51"]}
        more = await person.submit(f"{address}/save", revision=_revision(page), group="", add="1", **bands)
        assert more.text.count('name="band"') == 4
        fewer = await person.submit(
            f"{address}/save", revision=_revision(page), group="", remove="0", **bands
        )
        assert fewer.status_code == 200, fewer.text
        stored = (await client.get("/profiles/lead_score")).json()["overall"]["bands"]
    assert [(band["key"], band["min"]) for band in stored] == [("warm", None), ("hot", 51)]


async def test_bands_that_are_refused_keep_what_was_typed(console: Console, account: str) -> None:
    """Thresholds that do not rise are said in the API's words, and the form keeps them."""
    person = await console.as_(account)
    address = f"/console/{account}/profiles/lead_score/bounds"
    page = await person.open(address)
    bands: dict[str, Any] = {"band": ["cold", "warm", "hot"], "min": ["", "20", "20"], "cap": "x"}
    refused = await person.submit(f"{address}/save", revision=_revision(page), group="", **bands)
    assert refused.status_code == 422
    assert 'value="x"' in refused.text
    assert "must be a whole number" in refused.text
    bands["cap"] = ""
    refused = await person.submit(f"{address}/save", revision=_revision(page), group="", **bands)
    assert refused.status_code == 422
    assert "must be above that of the band before" in _text(refused)


async def test_details_are_saved_and_undone(api: Api, console: Console, account: str) -> None:
    """Name and description change at once; the message about it undoes them."""
    person = await console.as_(account)
    address = f"/console/{account}/profiles/lead_score/details"
    page = await person.open(address)
    saved = await person.submit(address, revision=_revision(page), name="Heat", description="How hot")
    assert "Saved." in saved.text
    async with api.as_(account) as client:
        assert (await client.get("/profiles/lead_score")).json()["name"] == "Heat"
        late = await person.submit(address, revision=_revision(page), name="Mine", description="")
        undo = dict(
            re.findall(
                r'<input type="hidden" name="(revision|name|description)" value="([^"]*)">', saved.text
            )
        )
        undone = await person.submit(address, **undo)
        assert undone.status_code == 200
        assert (await client.get("/profiles/lead_score")).json()["name"] != "Heat"
    assert late.status_code == 412
    assert 'value="Mine"' in late.text
    assert "changed meanwhile" in late.text


async def test_versions_are_compared_and_restored(api: Api, console: Console, account: str) -> None:
    """Two versions are compared by rule; going back makes one the draft."""
    async with api.as_(account) as client:
        await draft(client, weights={"deal_won": 60}, overall=BANDS)
        await publish(api, client)
        person = await console.as_(account)
        address = f"/console/{account}/profiles/lead_score/versions"
        page = await person.open(address, before="1", after="2")
        assert page.status_code == 200, page.text
        text = _text(page)
        assert "Deal won +50 +60" in text
        assert "Overall no bounds and no bands cold, warm from 20, hot from 51" in text
        back = await person.submit(f"{address}/restore", version="1", revision=_revision(page))
        assert "Version 1 is the draft now" in back.text
        assert (await client.get("/profiles/lead_score")).json()["definitions"][0]["draft"]["points"] == 50
        late = await person.submit(f"{address}/restore", version="2", revision=_revision(page))
        assert late.status_code == 412
        undo = dict(re.findall(r'<input type="hidden" name="(revision|draft)" value="([^"]*)">', back.text))
        undone = await person.submit(f"{address}/undo", **{key: unescape(text) for key, text in undo.items()})
        assert "The draft is as it was before." in undone.text
        assert (await client.get("/profiles/lead_score")).json()["definitions"][0]["draft"]["points"] == 60
    assert "nothing was restored" in late.text


async def test_another_profile_becomes_primary_and_the_first_is_archived(
    api: Api, console: Console, account: str
) -> None:
    """The primary profile is switched, the other one archived, and taken out of the archive."""
    async with api.as_(account) as client:
        await client.post("/profiles", json={"key": "renewals", "name": "Renewals"})
        person = await console.as_(account)
        address = f"/console/{account}/profiles"
        await person.open(address)
        # Events have counted: a draft cannot be the primary profile.
        refused = await person.submit(f"{address}/renewals/primary")
        assert refused.status_code == 409
        assert "was never published" in refused.text
        await publish(api, client, "renewals")
        done = await person.submit(f"{address}/renewals/primary")
        assert "Renewals is the primary profile now." in done.text
        archived = await person.submit(f"{address}/lead_score/archive", archived="1")
        assert "is archived" in archived.text
        assert "1 archived profile" in _text(await person.open(address))
        closed = await person.open(f"{address}/lead_score")
        assert 'name="weight:' not in closed.text
        back = await person.submit(f"{address}/lead_score/archive")
        assert "It is a draft again" in back.text
        assert (await client.get("/profiles/lead_score")).json()["archived"] is False


async def test_a_person_without_manage_sees_no_control_that_fails(
    api: Api, console: Console, account: str
) -> None:
    """Whoever may only read sees points, bounds and versions, and no form that changes; changes are forbidden."""
    async with api.as_(account) as client:
        await draft(client, weights={"deal_won": 60}, overall=BANDS)
    person = await console.as_(account, [Permission.READ])
    address = f"/console/{account}/profiles"
    for path in ("", "/lead_score", "/lead_score/bounds", "/lead_score/versions", "/lead_score/details"):
        page = await person.open(f"{address}{path}")
        assert page.status_code == 200, page.text
        main = page.text[page.text.index("<main") :]
        assert 'method="post"' not in main, path
        assert "/preview" not in main, path
    for path in ("/lead_score/preview", "/new"):
        assert (await person.open(f"{address}{path}")).status_code == 403
    for path in ("/lead_score/weights", "/lead_score/publish", "/lead_score/archive", "/order"):
        assert (await person.submit(f"{address}{path}")).status_code == 403


async def test_a_preview_is_published_and_cancelled(api: Api, console: Console, account: str) -> None:
    """A preview shows the distribution, who crosses, movers with reasons and samples; exactly that is published."""
    hot = {"key": "hot", "name": "Hottest", "match": {"all": [{"score": {"min": 45}}]}}
    async with api.as_(account) as client:
        assert (await client.post("/segments", json=hot)).status_code == 201
        await draft(client, weights={"deal_won": 10}, overall=BANDS)
        person = await console.as_(account)
        address = f"/console/{account}/profiles/lead_score"
        page = await person.open(f"{address}/preview", contact="ann, nobody")
        assert page.status_code == 200, page.text
        text = _text(page)
        assert "2 of 2 contacts get other scores; the overall score of 2 changes." in text
        assert "Deal won: 1 × +10 instead of +50" in text
        assert re.search(r"Hottest – 2 ann bob", text), text
        assert re.search(r"cold Overall 2 ann bob –", text), text
        # The numbers of the chart, as a table: both had 50 to 99.
        assert re.search(r"51 to 99 1 0 hot", text), text
        assert re.search(r"Overall 52 → 12 cold −40 never seen", text), text
        begun = await person.submit(f"{address}/publish", revision=_revision(page))
        assert "Publishing has begun." in begun.text
        assert 'value="0"' in begun.text or "<progress" in begun.text
        publish_id = re.search(r'name="publish" value="([^"]+)"', begun.text)
        assert publish_id is not None
        cancelled = await person.submit(f"{address}/cancel", publish=publish_id[1])
        assert "Cancelled." in cancelled.text
        assert (await client.get("/profiles/lead_score")).json()["version"] == 1


async def test_what_was_changed_after_its_preview_is_not_published(
    api: Api, console: Console, account: str
) -> None:
    """A draft that was changed after the preview is not published: the page says so, and leads to a new preview."""
    person = await console.as_(account)
    address = f"/console/{account}/profiles/lead_score"
    async with api.as_(account) as client:
        await draft(client, weights={"deal_won": 10})
        page = await person.open(f"{address}/preview")
        await draft(client, weights={"deal_won": 11})
        late = await person.submit(f"{address}/publish", revision=_revision(page))
        assert late.status_code == 412
        assert "The draft was changed after this preview" in late.text
        assert (await client.get("/profiles/lead_score")).json()["publish_runs"] is False
        again = await person.open(f"{address}/preview")
    assert "1 × +11 instead of +50" in _text(again)


async def test_a_preview_that_is_refused_says_why(
    console: Console, account: str, observer: Connection
) -> None:
    """While another preview of the account is under way, the page says so, and how to try again."""
    address = f"/console/{account}/profiles/lead_score/preview"
    person = await console.as_(account)
    async with observer.transaction():
        await preview.lock_previews(observer, account)
        page = await person.open(address)
    assert page.status_code == 409
    assert "under way" in page.text
    assert "Preview again" in page.text


async def test_a_band_that_a_segment_names_is_missed_before_the_publish(
    api: Api, console: Console, account: str
) -> None:
    """A preview of a draft without a band that a segment names says so, and offers no publish."""
    async with api.as_(account) as client:
        await draft(client, overall=BANDS)
        await publish(api, client)
        callers = {"key": "callers", "name": "Callers", "match": {"all": [{"band": {"in": ["hot"]}}]}}
        assert (await client.post("/segments", json=callers)).status_code == 201
        await draft(client, overall={"bands": []})
    page = await (await console.as_(account)).open(f"/console/{account}/profiles/lead_score/preview")
    assert "The draft has no band hot, which these segments name: callers." in _text(page)
    assert 'id="publish"' not in page.text


async def test_what_events_and_people_name_is_shown_and_never_run(
    api: Api, console: Console, worker: Service, new_account: NewAccount
) -> None:
    """Names of profiles, groups, rules, segments and contacts, ids and authors stand in the pages as texts."""
    account = await hostile_account(worker, new_account, api)
    person = await console.as_(account, actor=HOSTILE)
    address = f"/console/{account}/profiles"
    for path in (
        "",
        "/lead_score",
        "/lead_score/bounds",
        "/lead_score/preview",
        "/lead_score/versions?before=1&after=draft",
        "/lead_score/details",
    ):
        page = await person.open(f"{address}{path}")
        assert page.status_code == 200, page.text
        assert "alert(1)" in page.text, path
        assert "<script>alert" not in page.text, path
        assert "<img" not in page.text, path
