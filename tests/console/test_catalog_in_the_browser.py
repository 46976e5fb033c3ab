"""The catalog in Chromium: keys and drag, checks while typing, and texts with markup."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from playwright.async_api import expect

from tests.console import hostile
from tests.console.catalog_account import with_catalog
from tests.web.account_events import flush_inbox, happen
from tests.web.sample_account import GROUPS, WON

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.console.in_browser import Window
    from tests.pipeline.service import Service
    from tests.web.api_client import Api

    Open = Callable[..., Awaitable[Window]]


@pytest.fixture
async def account(new_account: Callable[..., Awaitable[str]], worker: Service, api: Api) -> str:
    """Name an account with a catalog, events, and a type that nothing takes."""
    return await with_catalog(new_account, worker, api)


async def _order(api: Api, account: str, kind: str) -> list[str]:
    async with api.as_(account) as client:
        keys: list[str] = (await client.get(f"/{kind}-order")).json()["keys"]
        return keys


async def test_a_definition_is_moved_by_keys(window: Open, account: str, api: Api) -> None:
    """Alt and an arrow key on a handle move a definition, which is announced, saved, and can be undone."""
    ann = await window(account)
    await ann.open(f"/console/{account}/catalog")
    handle = ann.page.get_by_role("button", name="Move Deal won: Alt")
    await handle.focus()
    await ann.page.keyboard.press("Alt+ArrowDown")
    await ann.page.keyboard.press("Alt+ArrowDown")
    await expect(ann.page.locator("#announcer")).to_have_text("Deal won is now number 3 of 3")
    await expect(ann.page.get_by_text("Moved.")).to_be_visible()
    assert await _order(api, account, "definition") == ["big_deal", "deal_lost", "deal_won", "email_opened"]
    await expect(ann.page.locator("#handle-definition-deal_won")).to_be_focused()
    await ann.page.get_by_role("button", name="Undo").click()
    await expect(ann.page.locator("#definition-deal_won + li")).to_have_id("definition-big_deal")
    assert await _order(api, account, "definition") == ["deal_won", "big_deal", "deal_lost", "email_opened"]
    assert ann.complaints == []


async def test_a_definition_and_a_group_are_dragged(window: Open, account: str, api: Api) -> None:
    """A handle is dragged to another place: the definition, or the whole group, is there from then on."""
    ann = await window(account)
    await ann.open(f"/console/{account}/catalog")
    await ann.page.locator("#handle-definition-deal_lost").drag_to(
        ann.page.locator("#definition-deal_won"), target_position={"x": 200, "y": 4}
    )
    await expect(ann.page.get_by_text("Moved.")).to_be_visible()
    assert (await _order(api, account, "definition"))[0] == "deal_lost"
    await ann.open(f"/console/{account}/catalog")
    await ann.page.locator("#handle-group-mail").drag_to(
        ann.page.locator("#group-purchase"), target_position={"x": 200, "y": 4}
    )
    await expect(ann.page.get_by_text("Moved.")).to_be_visible()
    assert await _order(api, account, "group") == ["mail", "purchase"]
    assert ann.complaints == []


async def test_rows_are_switched_and_edited_in_place(window: Open, account: str, api: Api) -> None:
    """The switch and the form of a row change a definition without a jump of the page; faults are shown there."""
    ann = await window(account)
    await ann.open(f"/console/{account}/catalog")
    switch = ann.page.get_by_role("switch", name="Deal lost takes events")
    await switch.focus()
    await ann.page.keyboard.press("Enter")
    await expect(switch).to_be_checked()
    await expect(switch).to_be_focused()
    await ann.page.get_by_role("link", name="Edit Deal won here").click()
    await expect(ann.page.get_by_label("Name")).to_be_focused()
    await ann.page.get_by_label("Name").fill("")
    await ann.page.get_by_role("button", name="Save").click()
    await expect(ann.page.locator(".in-place .fault")).to_be_visible()
    await ann.page.get_by_label("Name").fill("Deal is won")
    await ann.page.get_by_label("Points").fill("55")
    await ann.page.keyboard.press("Enter")
    await expect(ann.page.get_by_role("link", name="Deal is won", exact=True)).to_be_visible()
    async with api.as_(account) as client:
        assert (await client.get("/definitions/deal_won")).json()["default_points"] == 55
    # Browsers write answers of 422 to the console.
    assert [each for each in ann.complaints if "422" not in each] == []


async def test_a_definition_is_made_by_keyboard_and_checked_while_it_is_typed(
    window: Open, account: str, api: Api
) -> None:
    """Faults, the drawing and the tried sample follow what is typed; a condition is proposed what samples have."""
    ann = await window(account)
    await ann.open(f"/console/{account}/catalog/new?inbox=form.sent")
    page = ann.page
    key = page.get_by_label("Key", exact=True)
    await key.fill("Form Sent")
    await expect(page.locator("#slot-key")).to_contain_text("must")
    await key.fill("form_sent")
    await expect(page.get_by_text("This can be saved.")).to_be_visible()
    await page.get_by_role("button", name="Add a condition", exact=True).click()
    await expect(page.get_by_label("Field", exact=True)).to_be_focused()
    await page.keyboard.type("seats")
    await page.get_by_label("Comparison").select_option("gte")
    await page.get_by_label("Value", exact=True).fill("5")
    await expect(page.get_by_text("It is not taken.")).to_be_visible()
    await page.get_by_label("Value", exact=True).fill("3")
    await expect(page.get_by_text("It is taken.")).to_be_visible()
    await expect(page.locator(".drawn-events .counts")).to_have_count(5)
    await page.get_by_label("Once, then not again for a while").check()
    await expect(page.locator(".drawn-events .counts")).to_have_count(2)
    await page.get_by_role("spinbutton", name="Not again for").fill("0")
    await expect(page.locator("#slot-dedup")).not_to_be_empty()
    assert await ann.looked_at("definition-form-fault") == {}
    await page.get_by_role("spinbutton", name="Not again for").fill("4")
    await page.get_by_label("Unit").select_option("h")
    await expect(page.locator("#slot-dedup")).to_be_empty()
    await key.press("Enter")
    await expect(page.get_by_role("heading", name="Form sent", level=1)).to_be_visible()
    async with api.as_(account) as client:
        made = (await client.get("/definitions/form_sent")).json()
    assert made["when"] == [{"path": "seats", "op": "gte", "value": 3}]
    assert made["dedup"] == {"policy": "cooldown", "interval": "4h", "per": "contact"}
    assert ann.complaints == []


async def test_trials_and_previews_are_shown_beside_their_forms(window: Open, account: str, api: Api) -> None:
    """The result of a trial follows what is typed; a preview of judging again comes in its place."""
    ann = await window(account)
    await ann.open(f"/console/{account}/catalog/try?type=deal.won")
    sample = ann.page.get_by_label("Event, as JSON")
    await sample.fill((await sample.input_value()).replace("12000", "5"))
    await expect(ann.page.get_by_role("heading", name="1 definition takes it")).to_be_visible()
    await sample.fill("[")
    await expect(ann.page.get_by_text("This is not a JSON object")).to_be_visible()
    async with api.as_(account) as client:
        await client.edit("/definitions/deal_won", {"dedup": {"policy": "once"}})
    await ann.open(f"/console/{account}/catalog/definitions/deal_won/rejudge")
    await ann.page.get_by_role("button", name="Preview").click()
    await expect(ann.page.get_by_role("heading", name="What it would change")).to_be_visible()
    # Browsers write answers of 422 to the console.
    assert [each for each in ann.complaints if "422" not in each] == []


async def test_markup_in_names_and_events_is_shown_and_never_run(
    window: Open, new_account: Callable[..., Awaitable[str]], worker: Service, api: Api
) -> None:
    """Names, types, conditions, values and samples with markup are shown as text on every page of the catalog."""
    bad = hostile.SCRIPT + hostile.IMAGE
    groups = [{**GROUPS[0], "name": bad}]
    definition = {
        **WON,
        "name": bad,
        "events": [bad, "deal.won"],
        "when": [
            {"path": bad, "op": "ne", "value": bad},
            {"path": "x", "op": "in", "value": [bad, '"a", b']},
        ],
    }
    account = await new_account(groups=groups, definitions=[definition])
    async with api.as_(account, actor=bad) as client:
        await client.edit("/definitions/deal_won", {"when": [{"path": bad, "op": "eq", "value": bad}]})
    await happen(worker, account, bad, data=json.dumps({bad: bad, "tag": [bad]}), objectid=bad)
    await happen(worker, account, f"{bad}2", data=json.dumps({bad: bad, "tag": [bad]}), objectid=bad)
    await flush_inbox(api, worker)
    ann = await window(account, actor=bad)
    dialogs: list[str] = []
    ann.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    for path in (
        "",
        "?edit=definition:deal_won",
        "?edit=group:purchase",
        "/definitions/deal_won",
        "/definitions/deal_won/edit",
        "/definitions/deal_won/delete",
        "/definitions/deal_won/rejudge",
        "/groups/purchase/delete",
        "/inbox",
        "/try",
        "/new",
    ):
        await ann.open(f"/console/{account}/catalog{path}")
        assert hostile.is_escaped(await ann.page.content()), path
    for start in ("inbox", "new"):
        await ann.open(f"/console/{account}/catalog/inbox")
        await ann.page.get_by_role(
            "link", name="Try" if start == "inbox" else "Make it a definition"
        ).first.click()
        assert hostile.is_escaped(await ann.page.content())
    assert dialogs == []
    assert ann.complaints == []
