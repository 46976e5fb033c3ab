"""Segments: made of conditions, counted before they are saved, listed with how many fit, put in order, deleted."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

import pytest

from consumer.web.console.segments.builder import key_of
from consumer.web.console.segments.draft import Draft
from tests.console.hostile import IMAGE, SCRIPT, is_escaped
from tests.console.sample_leads import leads_account
from tests.console.segment_rules import EVERYTHING, HOT, WARM
from tests.web.sample_account import scored

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import httpx

    from tests.console.console_client import Console, Person
    from tests.pipeline.service import Service
    from tests.web.api_client import Client

    NewAccount = Callable[..., Awaitable[str]]

_FIELD = re.compile(
    r'<input type="(?P<type>hidden|number|text|checkbox)"[^>]*?name="(?P<name>[^"]+)"[^>]*?value="(?P<value>[^"]*)"'
    r"(?P<more>[^>]*)>"
    r'|<select name="(?P<select>[^"]+)"[^>]*>(?P<options>.*?)</select>'
    r'|<textarea name="(?P<area>[^"]+)"[^>]*>(?P<lines>[^<]*)</textarea>',
    re.DOTALL,
)
_SELECTED, _FIRST = re.compile(r'<option value="([^"]*)" selected'), re.compile(r'<option value="([^"]*)"')


def _fields(page: httpx.Response) -> dict[str, Any]:
    """Return what a browser would send of the form of the page, by name; several of a name as a list."""
    found: dict[str, Any] = {}
    form = page.text[
        page.text.index('id="builder"') : page.text.index("</form>", page.text.index('id="builder"'))
    ]
    for each in _FIELD.finditer(form):
        name, value = each["name"], each["value"]
        if each["type"] == "checkbox" and "checked" not in each["more"]:
            continue
        if each["select"]:
            chosen = _SELECTED.search(each["options"]) or _FIRST.search(each["options"])
            name, value = each["select"], chosen[1] if chosen else ""
        elif each["area"]:
            name, value = each["area"], each["lines"]
        found.setdefault(html.unescape(name), []).append(html.unescape(value))
    found.pop("csrf")
    return {name: values if len(values) > 1 else values[0] for name, values in found.items()}


async def _account(
    console: Console, worker: Service, new_account: NewAccount, **segments: Any
) -> tuple[Person, str, Client]:
    account = await leads_account(worker, new_account, 30)
    client = console.api.as_(account)
    for key, match in segments.items():
        made = await client.post("/segments", json={"key": key, "name": key.title(), "match": match})
        assert made.status_code == 201, made.text
    return await console.as_(account), f"/console/{account}/segments", client


def test_a_form_has_every_rule_of_the_api() -> None:
    """A rule that goes through the form unchanged is the same rule."""
    assert Draft.of(EVERYTHING).match() == EVERYTHING
    either = {"any": [{"all": [{"tags": {"any_of": ["x"]}}]}, {"count": {"definitions": ["a"], "max": 0}}]}
    assert Draft.of(either).match() == either


@pytest.mark.parametrize(
    ("name", "key"),
    [("Hot & new!", "hot_new"), ("Émile’s", "emile_s"), ("2026", "segment_2026"), ("", "segment")],
)
def test_a_key_is_made_of_the_name(name: str, key: str) -> None:
    """Letters and digits of the name in ASCII, joined by underscores; it begins with a letter."""
    assert key_of(name) == key


async def test_a_stored_segment_is_edited_as_it_is(
    console: Console, worker: Service, new_account: NewAccount
) -> None:
    """What the form of a segment shows, sent back without a change, leaves the segment as it was."""
    person, segments, client = await _account(console, worker, new_account, every=EVERYTHING)
    page = await person.open(f"{segments}/edit/every")
    assert page.status_code == 200, page.text
    saved = await person.submit(f"{segments}/edit/every", **_fields(page), do="save")
    assert saved.url.path == segments, saved.text
    stored = (await client.get("/segments/every")).json()
    assert (stored["match"], stored["name"]) == (EVERYTHING, "Every")


async def test_a_segment_is_made_without_scripts(
    console: Console, worker: Service, new_account: NewAccount
) -> None:
    """Conditions are added, chosen, counted and saved by buttons alone; then its members are shown."""
    person, segments, client = await _account(console, worker, new_account)
    page = await person.open(f"{segments}/new")
    page = await person.submit(f"{segments}/new", **{**_fields(page), "c.0.min": "20", "do": "add"})
    page = await person.submit(f"{segments}/new", **{**_fields(page), "c.1.kind": "count", "do": "show"})
    page = await person.submit(
        f"{segments}/new", **{**_fields(page), "c.1.add": "deal_won", "c.1.min": "1", "do": "add-block"}
    )
    page = await person.submit(f"{segments}/new", **{**_fields(page), "do": "remove:2.1"})
    page = await person.submit(
        f"{segments}/new",
        **{**_fields(page), "c.2.0.kind": "owner", "c.2.0.texts": "rosa\nsam", "do": "show"},
    )
    typed = {**_fields(page), "c.2.0.texts": "rosa\r\nsam"}
    counted = await person.submit(f"{segments}/new", **typed, do="count")
    made = await person.submit(f"{segments}/new", **{**typed, "name": "Rosa’s winners"}, do="save")
    assert made.url.path.endswith("/leads"), made.text
    stored = (await client.get("/segments/rosa_s_winners")).json()
    assert stored["match"] == {
        "all": [
            {"score": {"min": 20}},
            {"count": {"definitions": ["deal_won"], "min": 1}},
            {"any": [{"owner": {"any_of": ["rosa", "sam"]}}]},
        ]
    }
    assert f'score">{stored["count"]["contacts"]}</strong>' in counted.text
    assert stored["count"]["contacts"] == made.text.count("data-row-link")


async def test_what_is_wrong_is_said_at_the_condition(
    console: Console, worker: Service, new_account: NewAccount
) -> None:
    """Faults are in the API's words at the field or the condition, and what was typed is kept."""
    person, segments, _ = await _account(console, worker, new_account, hot=HOT)
    typed = {"how": "all", "c.0.kind": "score", "c.0.min": "many", "c.1.kind": "count", "c.1.min": "1"}
    await person.open(segments)
    typed |= {"c.2.kind": "block", "c.2.how": "any", "c.2.0.kind": "score"}
    page = await person.submit(f"{segments}/new", **typed, name="", do="save")
    assert page.status_code == 422
    assert re.search(r'id="c-0-min-fault">[^<]+', page.text)
    assert 'value="many"' in page.text
    for place in ("c-1", "c-2-0"):
        at = page.text.index(f'id="{place}"')
        assert '<p class="fault">' in page.text[at : page.text.index("</fieldset>", at)], place
    assert re.search(r'id="fault-name">', page.text)
    taken = {"how": "all", "c.0.kind": "score", "c.0.min": "1", "name": "Hot", "do": "save"}
    page = await person.submit(f"{segments}/new", **taken)
    assert page.status_code == 409
    assert "segment hot already exists" in page.text
    counted = await person.submit(f"{segments}/new", **{**typed, "do": "count"})
    assert counted.status_code == 200
    assert "Complete the conditions" in counted.text


async def test_a_change_by_somebody_else_is_not_overwritten_unseen(
    console: Console, worker: Service, new_account: NewAccount
) -> None:
    """What was typed is kept, the page says that the segment was changed, and a second save is on top of that."""
    person, segments, client = await _account(console, worker, new_account, hot=HOT)
    fields = _fields(await person.open(f"{segments}/edit/hot"))
    await client.edit("/segments/hot", {"name": "Hottest"})
    page = await person.submit(f"{segments}/edit/hot", **{**fields, "name": "Mine"}, do="save")
    assert page.status_code == 412
    assert "changed meanwhile" in page.text
    again = _fields(page)
    assert again["name"] == "Mine"
    await person.submit(f"{segments}/edit/hot", **again, do="save")
    assert (await client.get("/segments/hot")).json()["name"] == "Mine"


async def test_a_list_becomes_a_segment(console: Console, worker: Service, new_account: NewAccount) -> None:
    """The filters of the list of leads are the conditions; what cannot be one is named. It has the same members."""
    person, segments, client = await _account(console, worker, new_account, hot=HOT)
    leads = segments.replace("/segments", "/leads")
    asked = {"segment": "hot", "owner": "rosa", "group": "purchase", "min": "10", "q": "a"}
    listed = await person.open(leads, **asked)
    link = re.search(r'id="save-segment" href="([^"]*)"', listed.text)
    assert link
    page = await person.open(html.unescape(link[1]))
    assert "Search: a" in page.text
    made = await person.submit(f"{segments}/new", **{**_fields(page), "name": "Saved"}, do="save")
    assert made.url.path == leads, made.text
    stored = (await client.get("/segments/saved")).json()
    assert stored["match"] == {
        "all": [
            {"score": {"min": 50}},
            {"score": {"group": "purchase", "min": 10}},
            {"owner": {"any_of": ["rosa"]}},
        ]
    }


async def test_the_list_says_what_each_asks_for_and_how_many_fit(
    console: Console, worker: Service, new_account: NewAccount
) -> None:
    """The first page has last counts at once, and asks for new ones; that page has them with their age."""
    person, segments, client = await _account(
        console, worker, new_account, hot=HOT, warm=WARM, every=EVERYTHING
    )
    page = await person.open(segments)
    assert "counting" in page.text
    assert "score at least 50" in page.text
    assert "not Purchase at most 5" in page.text
    assert "owned by rosa or Doe, Jane" in page.text
    counted = await person.open(segments, counted="1")
    for each in (await client.get("/segments")).json()["items"]:
        assert f"<strong>{each['count']['contacts']}</strong>" in counted.text
    assert 'hx-trigger="load"' not in (await person.open(segments)).text


async def test_segments_are_put_in_order(console: Console, worker: Service, new_account: NewAccount) -> None:
    """One is moved before or after another by a button, and back by undo."""
    person, segments, client = await _account(console, worker, new_account, hot=HOT, warm=WARM, cold=WARM)
    await person.open(segments)
    page = await person.submit(f"{segments}/order", kind="segment", key="cold", before="hot")
    assert (await client.get("/segment-order")).json()["keys"] == ["cold", "hot", "warm"]
    undo = re.search(r'name="after" value="(\w+)"', page.text)
    assert undo
    await person.submit(f"{segments}/order", kind="segment", key="cold", after=undo[1])
    assert (await client.get("/segment-order")).json()["keys"] == ["hot", "warm", "cold"]


async def test_a_deleted_segment_can_be_had_back(
    console: Console, worker: Service, new_account: NewAccount
) -> None:
    """Undo creates it as it was, in its place; once there is another of its key, that stays."""
    person, segments, client = await _account(
        console, worker, new_account, hot=HOT, every=EVERYTHING, warm=WARM
    )
    before = (await client.get("/segments/every")).json()
    await person.open(segments)
    page = await person.submit(f"{segments}/delete/every", revision=before["revision"])
    assert "was deleted" in page.text
    assert (await client.get("/segment-order")).json()["keys"] == ["hot", "warm"]
    page = await person.submit(f"{segments}/restore", key="every", before="warm")
    assert "is back" in page.text
    assert (await client.get("/segment-order")).json()["keys"] == ["hot", "every", "warm"]
    assert (await client.get("/segments/every")).json()["match"] == EVERYTHING
    page = await person.submit(f"{segments}/restore", key="every", before="")
    assert "is not deleted any more" in page.text
    page = await person.submit(f"{segments}/delete/hot", revision="old")
    assert "was changed meanwhile" in page.text
    assert (await client.get("/segments/hot")).status_code == 200


async def test_who_may_only_read_is_offered_nothing_that_fails(
    console: Console, worker: Service, new_account: NewAccount
) -> None:
    """Without `manage` there are members and export only, and forms are refused."""
    _, segments, client = await _account(console, worker, new_account, hot=HOT)
    reader = await console.as_(segments.split("/")[2], ["engagement:read"])
    page = await reader.open(segments)
    assert page.status_code == 200
    for path in ("edit/hot", "new", "order", "delete/hot"):
        assert f"{segments}/{path}" not in page.text, path
    assert (await reader.open(f"{segments}/new")).status_code == 403
    assert (await reader.submit(f"{segments}/delete/hot", revision="x")).status_code == 403
    assert (await client.get("/segments/hot")).status_code == 200


async def test_script_in_every_field_is_shown(
    console: Console, worker: Service, new_account: NewAccount
) -> None:
    """Names, descriptions, owners and tags stand in the pages as text."""
    account = await scored(worker, new_account)
    client = console.api.as_(account)
    match = {"any": [{"owner": {"any_of": [SCRIPT, IMAGE]}}, {"tags": {"all_of": [IMAGE]}}]}
    made = {"key": "x", "name": SCRIPT, "description": IMAGE, "match": match}
    assert (await client.post("/segments", json=made)).status_code == 201
    person = await console.as_(account)
    for path in ("segments", "segments/edit/x", "leads?segment=x"):
        page = await person.open(f"/console/{account}/{path}")
        assert page.status_code == 200, page.text
        assert is_escaped(page.text), path
    page = await person.submit(
        f"/console/{account}/segments/new",
        name=IMAGE,
        how="all",
        **{"c.0.kind": "score", "c.0.min": SCRIPT},
        do="save",
    )
    assert page.status_code == 422
    assert is_escaped(page.text)
