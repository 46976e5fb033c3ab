"""The pages of score profiles in Chromium: drafts that save themselves, publishes followed live, two managers."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from playwright.async_api import expect

from consumer.scoring.profile_publish import preview
from consumer.web.console.profiles import weights
from tests.console.profile_samples import busy_account, hostile_account
from tests.waiting import eventually
from tests.web.account_events import record
from tests.web.sample_account import draft, finish, scored

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import pytest

    from consumer.infra.postgres.connection import Connection
    from tests.console.in_browser import Window
    from tests.pipeline.service import Service
    from tests.web.api_client import Api

    NewAccount = Callable[..., Awaitable[str]]
    OpenWindow = Callable[..., Awaitable[Window]]


async def test_every_page_is_accessible_and_fits(
    window: OpenWindow, worker: Service, new_account: NewAccount, api: Api
) -> None:
    """No page has a serious finding of axe, in both themes, on a desk and on a phone; no script complains."""
    account = await busy_account(worker, new_account, api)
    ann = await window(account)
    address = f"/console/{account}/profiles"
    for name, path in (
        ("profiles", ""),
        ("profiles-new", "/new"),
        ("profile-weights", "/lead_score"),
        ("profile-bounds", "/lead_score/bounds"),
        ("profile-preview", "/lead_score/preview"),
        ("profile-versions", "/lead_score/versions?before=1&after=draft"),
        ("profile-details", "/renewals/details"),
    ):
        await ann.open(f"{address}{path}")
        assert await ann.looked_at(name) == {}, name
    assert ann.complaints == []


async def test_a_draft_saves_itself_and_is_published(
    window: OpenWindow, worker: Service, new_account: NewAccount, api: Api
) -> None:
    """By keys alone weights are changed, saved, previewed and published, which the page follows to its end."""
    account = await scored(worker, new_account)
    ann = await window(account)
    page = ann.page
    await ann.open(f"/console/{account}/profiles/lead_score")
    await page.locator("#weight-deal_won").focus()
    await page.keyboard.type("40")
    await page.keyboard.press("Tab")
    await expect(page.locator("#draft-saved")).to_contain_text("Draft saved")
    await expect(page.locator("#draft-waits")).to_contain_text("1 difference from version 1")
    await expect(page.locator("#mark-deal_won")).to_contain_text("changed")
    # The next field has the focus, and what is typed there stays while the first is saved.
    await expect(page.locator("#weight-email_opened")).to_be_focused()
    await page.keyboard.type("3")
    await page.keyboard.press("Enter")
    await expect(page.locator("#draft-waits")).to_contain_text("2 differences from version 1")
    async with api.as_(account) as client:
        assert (await client.get("/profiles/lead_score")).json()["weights"] == {
            "deal_won": 40,
            "email_opened": 3,
        }
        await page.get_by_role("link", name="Preview and publish").press("Enter")
        await expect(page.locator(".mover-table")).to_contain_text("1 × +40 instead of +50")
        await page.locator("#publish").press("Enter")
        await expect(page.locator("#publish-lead_score")).to_contain_text("Version 2 is being computed")
        assert await ann.looked_at("profile-publishing") == {}
        publish_id = (await client.get("/profiles/lead_score/publishes")).json()["items"][0]["id"]
        await finish(api, publish_id)
    # The page notices the end of the publish by itself.
    await expect(page.locator("#draft-waits")).to_contain_text("what readers see, version 2", timeout=10_000)
    await expect(page.locator("#live-deal_won")).to_have_text("+40")
    await ann.open(f"/console/{account}/contacts/bob")
    await expect(page.locator("main")).to_contain_text("40")
    assert ann.complaints == []


async def test_counts_that_take_longer_come_when_they_are_known(
    window: OpenWindow, worker: Service, new_account: NewAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page does not wait for counts that are being made: they are put in once they are known."""
    account = await scored(worker, new_account)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    await worker.batch([record(account, "deal.won", at=yesterday)])
    monkeypatch.setattr(weights, "_PATIENCE", 0.0)
    ann = await window(account)
    await ann.open(f"/console/{account}/profiles/lead_score")
    await expect(ann.page.locator("#counted-deal_won")).to_have_text("1")
    await expect(ann.page.locator("#share-deal_won")).to_contain_text("100%")
    assert ann.complaints == []


async def test_of_two_managers_the_second_keeps_what_was_typed(
    window: OpenWindow, worker: Service, new_account: NewAccount, api: Api
) -> None:
    """What another manager changed meanwhile is said; what was typed stays, and is saved when that is asked for."""
    account = await scored(worker, new_account)
    ann = await window(account)
    page = ann.page
    await ann.open(f"/console/{account}/profiles/lead_score")
    async with api.as_(account, actor="bob") as client:
        await draft(client, weights={"email_opened": 7})
        await page.locator("#weight-deal_won").fill("40")
        await page.locator("#weight-deal_won").press("Tab")
        await expect(page.locator("#draft-notice")).to_contain_text("changed meanwhile")
        await expect(page.locator("#weight-deal_won")).to_have_value("40")
        await expect(page.locator("#mark-deal_won")).to_contain_text("not saved; it is +50 now")
        await expect(page.locator("#weight-email_opened")).to_have_value("7")
        assert await ann.looked_at("profile-stale") == {}
        assert (await client.get("/profiles/lead_score")).json()["weights"] == {"email_opened": 7}
        await page.locator("#save-weights").click()
        await expect(page.locator("#draft-waits")).to_contain_text("2 differences")
        weights = (await client.get("/profiles/lead_score")).json()["weights"]
    assert weights == {"email_opened": 7, "deal_won": 40}
    # The browser itself reports the refusal.
    assert [each for each in ann.complaints if "412" not in each] == []


async def test_of_two_managers_the_second_sees_the_bands_of_the_first(
    window: OpenWindow, worker: Service, new_account: NewAccount, api: Api
) -> None:
    """A late change of a group is kept; what the other manager made of overall is shown, and stays."""
    account = await scored(worker, new_account)
    ann = await window(account)
    page = ann.page
    await ann.open(f"/console/{account}/profiles/lead_score/bounds")
    async with api.as_(account, actor="bob") as client:
        await draft(client, overall={"bands": [{"key": "cold"}, {"key": "hot", "min": 30}]})
        await page.locator("#cap-mail").fill("9")
        await page.locator("#cap-mail").press("Tab")
        await expect(page.locator("#axis-notice-mail")).to_contain_text("by bob")
        await expect(page.locator("#cap-mail")).to_have_value("9")
        await expect(page.locator("#min-overall-1")).to_have_value("30")
        await page.locator("#save-mail").click()
        await expect(page.locator("#axis-state-mail")).to_contain_text("Draft saved")
        stored = (await client.get("/profiles/lead_score")).json()
    assert [band["key"] for band in stored["overall"]["bands"]] == ["cold", "hot"]
    assert stored["groups"]["mail"]["cap"] == 9
    assert [each for each in ann.complaints if "412" not in each] == []


async def test_bands_are_drawn_as_they_are_typed(
    window: OpenWindow, worker: Service, new_account: NewAccount, api: Api
) -> None:
    """Bands are added and given thresholds, saved and drawn at once; a threshold that does not rise is said."""
    account = await scored(worker, new_account)
    ann = await window(account)
    page = ann.page
    await ann.open(f"/console/{account}/profiles/lead_score/bounds")
    await page.locator("#add-overall").click()
    await page.locator("#min-overall-1").fill("20")
    await page.locator("#min-overall-1").press("Tab")
    await expect(page.locator("#axis-state-overall")).to_contain_text("Draft saved")
    await page.locator("#add-overall").click()
    await page.locator("#band-overall-2").fill("hot")
    await page.locator("#min-overall-2").fill("10")
    await page.locator("#min-overall-2").press("Tab")
    await expect(page.locator("#axis-notice-overall")).to_contain_text(
        "must be above that of the band before"
    )
    await expect(page.locator("#min-overall-2")).to_have_value("10")
    await page.locator("#min-overall-2").fill("60")
    await page.locator("#min-overall-2").press("Tab")
    drawn = page.locator("#axis-line-overall svg[role=img]")
    await expect(drawn).to_have_attribute("aria-label", re.compile("cold, warm from 20, hot from 60"))
    await page.get_by_role("button", name="Remove band 1").first.click()
    await expect(drawn).to_have_attribute("aria-label", re.compile("warm, hot from 60"))
    async with api.as_(account) as client:
        stored = (await client.get("/profiles/lead_score")).json()["overall"]["bands"]
    assert [(band["key"], band["min"]) for band in stored] == [("warm", None), ("hot", 60)]
    await page.locator("#min-overall-1").fill("x")
    await page.locator("#min-overall-1").press("Tab")
    await expect(page.locator("#axis-notice-overall")).to_contain_text("must be a whole number")
    assert await ann.looked_at("profile-bounds-fault") == {}
    assert [each for each in ann.complaints if "422" not in each] == []


async def test_names_never_run(
    window: OpenWindow, worker: Service, new_account: NewAccount, api: Api
) -> None:
    """Script in names, ids and descriptions is shown and never run."""
    account = await hostile_account(worker, new_account, api)
    ann = await window(account)
    asked: list[str] = []
    ann.page.on("dialog", lambda dialog: asked.append(dialog.message))
    for path in ("", "/lead_score", "/lead_score/bounds", "/lead_score/preview"):
        await ann.open(f"/console/{account}/profiles{path}")
        await expect(ann.page.locator("main")).to_contain_text("<script>alert(1)</script>")
        assert await ann.overflow() == 0
    assert (asked, ann.complaints) == ([], [])


async def test_a_long_preview_shows_how_far_it_is_and_ends_with_its_page(
    window: OpenWindow,
    worker: Service,
    new_account: NewAccount,
    observer: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Progress comes while every contact is read, without a script; leaving the page ends the work."""
    account = await scored(worker, new_account)
    monkeypatch.setattr(preview, "_CHUNK_CONTACTS", 1)
    await observer.execute(
        "insert into contacts (account_id, external_id, shard)"
        " select id, 'more-' || n, 0 from accounts, generate_series(1, 20000) n where key = $1",
        account,
    )
    ann = await window(account, java_script_enabled=False)
    await ann.page.goto(f"{ann.base}/console/{account}/profiles/lead_score/preview", wait_until="commit")
    await expect(ann.page.locator(".preview-step").last).to_contain_text("20,002")
    await expect(ann.page.locator(".preview-step").first).to_be_hidden()
    await ann.page.goto("about:blank")

    async def is_over() -> bool:
        running = "select 1 from pg_locks where locktype = 'advisory' and classid = $1"
        return await observer.fetchval(running, preview._LOCK) is None

    await eventually(is_over, within=5, every=0.05, what="the preview has ended")


async def test_other_contacts_are_compared_without_comparing_all(
    window: OpenWindow, worker: Service, new_account: NewAccount, api: Api
) -> None:
    """Sample contacts are chosen beside the preview, which stays as it is; the address has them."""
    account = await scored(worker, new_account)
    async with api.as_(account) as client:
        await draft(client, weights={"deal_won": 10})
    ann = await window(account)
    page = ann.page
    await ann.open(f"/console/{account}/profiles/lead_score/preview")
    await page.locator("#field-contact").fill("ann, nobody")
    await page.locator("#field-contact").press("Enter")
    await expect(page.locator("#samples")).to_contain_text("never seen")
    await expect(page.locator(".mover-table")).to_contain_text("instead of +50")
    await expect(page).to_have_url(re.compile(r"/preview\?contact=ann"))
    assert ann.complaints == []
