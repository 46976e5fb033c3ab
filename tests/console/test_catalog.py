"""The catalog's pages without scripts: definitions, groups, their order, deletions, and unknown events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.web.account_events import flush_inbox, happen
from tests.web.sample_account import GROUPS, OPENED, WON

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.console.console_client import Console, Person
    from tests.pipeline.service import Service
    from tests.web.api_client import Api

LOST = {**WON, "key": "deal_lost", "name": "Deal lost", "events": ["deal.lost"], "default_points": -5}
TYPED: dict[str, Any] = {
    "key": "big_deal",
    "name": "Big deal",
    "group": "purchase",
    "icon": "star",
    "default_points": "70",
    "xp": "3",
    "active": "1",
    "events": ["deal.won", ""],
    "conditions": "2",
    "when-0-of": "data",
    "when-0-path": "amount",
    "when-0-op": "gte",
    "when-0-value": "100",
    "when-0-kind": "auto",
    "when-1-of": "actortype",
    "when-1-op": "in",
    "when-1-value": "rep, system",
    "policy": "cooldown",
    "amount": "7",
    "unit": "d",
    "per": "object",
}


@pytest.fixture
async def account(new_account: Callable[..., Awaitable[str]]) -> str:
    """Name an account with two groups and three definitions."""
    return await new_account(groups=GROUPS, definitions=[WON, LOST, OPENED])


@pytest.fixture
async def ann(console: Console, account: str) -> Person:
    """Give a person who may do everything, on the page of the catalog."""
    person = await console.as_(account)
    await person.open(f"/console/{account}/catalog")
    return person


async def _definition(api: Api, account: str, key: str) -> dict[str, Any]:
    async with api.as_(account) as client:
        found: dict[str, Any] = (await client.get(f"/definitions/{key}")).json()
        return found


async def _order(api: Api, account: str, kind: str) -> list[str]:
    async with api.as_(account) as client:
        keys: list[str] = (await client.get(f"/{kind}-order")).json()["keys"]
        return keys


async def test_definitions_are_listed_by_group(ann: Person, account: str) -> None:
    """The catalog has each group with its definitions, what they take and how often they count."""
    page = await ann.open(f"/console/{account}/catalog")
    assert page.status_code == 200, page.text
    places = [
        page.text.index(each)
        for each in ("> Purchase", ">Deal won<", ">Deal lost<", "> Mail", ">Email opened<")
    ]
    assert places == sorted(places)
    assert "Counts every time" in page.text
    found = await ann.open(f"/console/{account}/catalog", q="opened")
    assert ">Email opened<" in found.text
    assert ">Deal won<" not in found.text


async def test_a_definition_is_created(ann: Person, api: Api, account: str) -> None:
    """What is typed becomes a definition, with values of conditions of the kind that they look like."""
    page = await ann.submit(f"/console/{account}/catalog/new", **TYPED)
    assert page.status_code == 200, page.text
    assert page.url.path == f"/console/{account}/catalog/definitions/big_deal"
    made = await _definition(api, account, "big_deal")
    assert made["when"] == [
        {"path": "amount", "op": "gte", "value": 100},
        {"attribute": "actortype", "op": "in", "value": ["rep", "system"]},
    ]
    assert made["dedup"] == {"policy": "cooldown", "interval": "7d", "per": "object"}
    assert (made["default_points"], made["xp"], made["events"]) == (70, 3, ["deal.won"])


async def test_faults_are_at_their_fields_and_what_was_typed_stays(ann: Person, account: str) -> None:
    """A form that the API refuses is shown again with its words at the fields."""
    wrong = {**TYPED, "key": "Big Deal", "default_points": "many", "amount": "0", "when-0-value": ""}
    page = await ann.submit(f"/console/{account}/catalog/new", **wrong)
    assert page.status_code == 422
    assert 'value="Big Deal"' in page.text
    assert 'value="many"' in page.text
    for slot in ("key", "default_points", "dedup", "when-0"):
        assert f'id="slot-{slot}"><svg' in page.text, slot


async def test_a_check_changes_nothing(ann: Person, api: Api, account: str) -> None:
    """While a form is typed, the same page answers with its faults, the policy's drawing and the sample tried."""
    sample = '{"type": "deal.won", "actortype": "rep", "data": {"amount": 99}}'
    page = await ann.submit(f"/console/{account}/catalog/new", **TYPED, sample=sample, check="1")
    assert page.status_code == 200
    assert "This can be saved." in page.text
    assert "It is not taken." in page.text
    assert "Also taken by: Deal won" in page.text
    assert "counts, 10 days 12 hours after the last one that counted." in page.text
    taken = await ann.submit(f"/console/{account}/catalog/new", **{**TYPED, "key": "deal_won"}, check="1")
    assert "exists already" in taken.text
    assert "big_deal" not in await _order(api, account, "definition")


async def test_rows_are_added_and_removed_without_scripts(ann: Person, account: str) -> None:
    """Buttons of the form give it another row, and take one away, and keep what was typed."""
    more = await ann.submit(f"/console/{account}/catalog/new", **TYPED, add="condition")
    assert 'name="when-2-path"' in more.text
    of_field = await ann.submit(f"/console/{account}/catalog/new", **TYPED, add="condition:stage")
    assert 'name="when-2-path" value="stage"' in of_field.text
    less = await ann.submit(f"/console/{account}/catalog/new", **TYPED, remove="0")
    assert 'name="when-0-value" value="rep, system"' in less.text
    assert 'name="when-1-path"' not in less.text


async def test_a_definition_is_changed(ann: Person, api: Api, account: str) -> None:
    """A definition's form has it as it is, and what is saved over another's change is said to be stale first."""
    url = f"/console/{account}/catalog/definitions/deal_won/edit"
    form = await ann.open(url)
    assert 'name="events" value="deal.won"' in form.text
    stored = await _definition(api, account, "deal_won")
    fields = {**TYPED, "revision": f'"{stored["revision"]}"'}
    saved = await ann.submit(url, **fields)
    assert saved.status_code == 200, saved.text
    assert (await _definition(api, account, "deal_won"))["name"] == "Big deal"
    stale = await ann.submit(url, **{**fields, "name": "Mine"})
    assert stale.status_code == 412
    assert 'value="Mine"' in stale.text
    assert "It was changed meanwhile" in stale.text


async def test_text_that_looks_like_a_number_stays_text(ann: Person, api: Api, account: str) -> None:
    """A stored text is shown and saved as text, whatever it looks like; a list keeps commas within its values."""
    when = [
        {"path": "plan", "op": "eq", "value": "5"},
        {"path": "tag", "op": "in", "value": ["a, b", "c"]},
        {"path": "vip", "op": "eq", "value": True},
    ]
    async with api.as_(account) as client:
        await client.edit("/definitions/deal_won", {"when": when})
    form = await ann.open(f"/console/{account}/catalog/definitions/deal_won/edit")
    assert "&#34;a, b&#34;, c" in form.text
    stored = await _definition(api, account, "deal_won")
    fields = {
        **TYPED,
        "revision": f'"{stored["revision"]}"',
        "conditions": "3",
        **{f"when-{n}-of": "data" for n in range(3)},
        **{f"when-{n}-path": path for n, path in enumerate(("plan", "tag", "vip"))},
        **{f"when-{n}-op": op for n, op in enumerate(("eq", "in", "eq"))},
        **{f"when-{n}-value": value for n, value in enumerate(("5", '"a, b", c', "true"))},
        **{f"when-{n}-kind": kind for n, kind in enumerate(("string", "string", "boolean"))},
    }
    await ann.submit(f"/console/{account}/catalog/definitions/deal_won/edit", **fields)
    assert (await _definition(api, account, "deal_won"))["when"] == when


async def test_a_row_is_edited_in_place(ann: Person, api: Api, account: str) -> None:
    """A row becomes a form, its faults are shown there, and saving can be undone."""
    page = await ann.open(f"/console/{account}/catalog", edit="definition:deal_won")
    assert 'name="default_points" value="50"' in page.text
    revision = (await _definition(api, account, "deal_won"))["revision"]
    url = f"/console/{account}/catalog/definitions/deal_won/in-place"
    wrong = await ann.submit(url, revision=revision, name="", default_points="60", xp="0")
    assert wrong.status_code == 422
    assert 'name="default_points" value="60"' in wrong.text
    saved = await ann.submit(url, revision=revision, name="Won", default_points="60", xp="0")
    assert saved.status_code == 200
    assert "Undo" in saved.text
    found = await _definition(api, account, "deal_won")
    assert (found["name"], found["default_points"]) == ("Won", 60)
    undone = await ann.submit(url, revision=found["revision"], name="Deal won", default_points="50", xp="0")
    assert undone.status_code == 200
    assert (await _definition(api, account, "deal_won"))["name"] == "Deal won"


async def test_order_is_changed_by_buttons(ann: Person, api: Api, account: str) -> None:
    """A definition or group is moved before or after another; one that is gone meanwhile is said to be so."""
    url = f"/console/{account}/catalog/order"
    await ann.submit(url, kind="definition", key="deal_lost", before="deal_won")
    assert await _order(api, account, "definition") == ["deal_lost", "deal_won", "email_opened"]
    await ann.submit(url, kind="group", key="purchase", after="mail")
    assert await _order(api, account, "group") == ["mail", "purchase"]
    gone = await ann.submit(url, kind="group", key="purchase", after="nothing")
    assert "changed meanwhile" in gone.text


async def test_a_definition_is_switched_off_and_on(ann: Person, api: Api, account: str) -> None:
    """The switch deactivates a definition, and says so with a way back."""
    url = f"/console/{account}/catalog/definitions/deal_won/active"
    off = await ann.submit(url, active="")
    assert "takes no events from now on" in off.text
    assert not (await _definition(api, account, "deal_won"))["active"]
    await ann.submit(url, active="1")
    assert (await _definition(api, account, "deal_won"))["active"]


async def test_groups_are_created_renamed_and_deleted(ann: Person, api: Api, account: str) -> None:
    """A group is created and renamed; deleting one says what is in the way, or what it does."""
    catalog = f"/console/{account}/catalog"
    made = await ann.submit(f"{catalog}/groups/new", key="support", name="Support", icon="chat")
    assert made.url.path == catalog
    again = await ann.submit(f"{catalog}/groups/new", key="support", name="Support", icon="chat")
    assert (again.status_code, "already exists" in again.text) == (409, True)
    async with api.as_(account) as client:
        revision = (await client.get("/groups/support")).json()["revision"]
    renamed = await ann.submit(f"{catalog}/groups/support", revision=revision, name="Help", icon="chat")
    assert "> Help" in renamed.text
    blocked = await ann.open(f"{catalog}/groups/mail/delete")
    assert "the group has definitions, move them first: email_opened" in blocked.text
    assert "Delete group" not in blocked.text
    free = await ann.open(f"{catalog}/groups/support/delete")
    assert "No score changes." in free.text
    async with api.as_(account) as client:
        revision = (await client.get("/groups/support")).json()["revision"]
    await ann.submit(f"{catalog}/groups/support/delete", revision=revision)
    assert await _order(api, account, "group") == ["purchase", "mail"]


async def test_a_deletion_is_previewed(ann: Person, api: Api, account: str) -> None:
    """One that is active cannot be deleted, and the page offers to deactivate it; then it says what goes."""
    url = f"/console/{account}/catalog/definitions/deal_lost"
    blocked = await ann.open(f"{url}/delete")
    assert "the definition is active: deactivate it first" in blocked.text
    assert "Deactivate it" in blocked.text
    await ann.submit(f"{url}/active", active="", back="1")
    free = await ann.open(f"{url}/delete")
    assert "no score changes" in free.text
    assert "lead_score" in free.text
    revision = (await _definition(api, account, "deal_lost"))["revision"]
    gone = await ann.submit(f"{url}/delete", revision=revision)
    assert "was deleted" in gone.text
    assert "deal_lost" not in await _order(api, account, "definition")


async def test_a_page_of_a_definition_has_its_history(ann: Person, account: str, api: Api) -> None:
    """It says who changed what, from which value to which, and where the definition is used."""
    async with api.as_(account, actor="bob") as client:
        await client.edit("/definitions/deal_won", {"default_points": 65, "dedup": {"policy": "once"}})
    page = await ann.open(f"/console/{account}/catalog/definitions/deal_won")
    assert page.status_code == 200, page.text
    assert "bob changed it" in page.text
    assert "<del>+50</del>" in page.text
    assert "<ins>+65</ins>" in page.text
    assert "<ins>Counts once for each contact</ins>" in page.text


async def test_history_is_judged_again(ann: Person, api: Api, worker: Service, account: str) -> None:
    """After a change of the policy the page offers it; a preview says what would change, and then it is started."""
    await happen(worker, account, "deal.won", "deal.won")
    async with api.as_(account) as client:
        await client.edit("/definitions/deal_won", {"dedup": {"policy": "once"}})
    url = f"/console/{account}/catalog/definitions/deal_won"
    page = await ann.open(url)
    assert "until the history is judged again" in page.text
    preview = await ann.submit(f"{url}/rejudge", do="preview")
    assert "1 of 1" in preview.text
    started = await ann.submit(f"{url}/rejudge", do="start")
    assert "is being judged again" in started.text
    again = await ann.submit(f"{url}/rejudge", do="start")
    assert again.status_code == 409


async def test_an_unknown_event_becomes_a_definition_that_counts_its_past(
    ann: Person, api: Api, worker: Service, account: str
) -> None:
    """The form of a type in the inbox has its fields; with a tick, Kafka is read again from a day on."""
    await happen(worker, account, "form.sent", data='{"plan": "pro"}')
    await flush_inbox(api, worker)
    listed = await ann.open(f"/console/{account}/catalog/inbox")
    assert "form.sent" in listed.text
    form = await ann.open(f"/console/{account}/catalog/new", inbox="form.sent")
    assert 'name="events" value="form.sent"' in form.text
    assert '<option value="plan">pro</option>' in form.text
    fields = {
        **TYPED,
        "key": "form_sent",
        "events": ["form.sent"],
        "conditions": "0",
        "inbox": "form.sent",
        "count_past": "1",
        "since": "2026-01-15",
    }
    made = await ann.submit(f"/console/{account}/catalog/new", **fields)
    assert "Kafka is read again from Jan 15, 2026 on" in made.text, made.text
    assert "Kafka is being read again" in made.text
    async with api.as_(account) as client:
        [backfill] = (await client.get("/backfills")).json()["items"]
    assert backfill["since"].startswith("2026-01-15T00:00:00")
    assert backfill["types"] == ["form.sent"]
    cancelled = await ann.submit(
        f"/console/{account}/catalog/definitions/form_sent/count-past/{backfill['id']}/cancel"
    )
    assert "was cancelled" in cancelled.text


async def test_an_event_is_tried(ann: Person, api: Api, account: str) -> None:
    """A sample event shows which definitions take it; what is no event has the fault in the API's words."""
    url = f"/console/{account}/catalog/try"
    async with api.as_(account) as client:
        await client.edit("/definitions/deal_won", {"when": [{"path": "amount", "op": "gte", "value": 5}]})
    missed = await ann.submit(url, sample='{"type": "deal.won", "data": {"amount": 4}}')
    assert "No definition takes it" in missed.text
    assert "amount is at least 5" in missed.text
    assert "deal.won" in (await ann.open(url)).text
    tried = await ann.submit(url, sample='{"type": "deal.lost"}')
    assert "1 definition takes it" in tried.text
    assert "&#34;seen.never&#34;" in (await ann.open(url, type="seen.never")).text
    assert (await ann.open(url, type="x" * 300)).status_code == 422
    assert (await ann.submit(url, sample="[")).status_code == 422
    assert (await ann.submit(url, sample='{"type": 5}')).status_code == 422


async def test_without_manage_there_is_no_control_that_fails(console: Console, account: str) -> None:
    """Who may only read sees the catalog without forms and ways to change it, which are forbidden alike."""
    sales = await console.as_(account, ["engagement:read"])
    for path in ("catalog", "catalog/definitions/deal_won"):
        page = await sales.open(f"/console/{account}/{path}")
        assert page.status_code == 200, page.text
        inside = page.text[page.text.index('<main id="content"') :]
        assert 'method="post"' not in inside
        for word in ("/edit", "/delete", "catalog/new", "catalog/inbox", "edit=", "data-handle"):
            assert word not in inside, word
    for path in ("catalog/new", "catalog/inbox", "catalog/try", "catalog/definitions/deal_won/edit"):
        assert (await sales.open(f"/console/{account}/{path}")).status_code == 403
    assert (await sales.submit(f"/console/{account}/catalog/order")).status_code == 403
