"""The list of leads: who is hot, in which order, and which of them."""

from __future__ import annotations

import html
import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.console.hostile import IMAGE, SCRIPT, is_escaped
from tests.console.sample import happened, starting_catalog, upserted
from tests.console.sample_leads import leads_account
from tests.web.sample_account import GROUPS, OPENED, WON, draft, publish, scored

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    import httpx

    from tests.console.console_client import Console, Person
    from tests.pipeline.service import Service

    NewAccount = Callable[..., Awaitable[str]]

_ROW = re.compile(r'data-row data-contact="([^"]*)"')


def _listed(page: httpx.Response) -> list[str]:
    assert page.status_code == 200, page.text
    return [html.unescape(found) for found in _ROW.findall(page.text)]


def _link(page: httpx.Response, rel: str) -> str:
    found = re.search(f'rel="{rel}" href="([^"]*)"', page.text)
    assert found, page.text
    return html.unescape(found[1])


async def test_leads_are_listed_by_score(console: Console, worker: Service, new_account: NewAccount) -> None:
    """The first page lists contacts, those with the most points first, with points by group and the last event."""
    account = await scored(worker, new_account)
    person = await console.as_(account)
    page = await person.open("/console")
    assert page.url.path == f"/console/{account}/leads"
    assert _listed(page) == ["ann", "bob"]
    assert "Email opened" in page.text
    assert "1–2" in page.text
    assert "of 2" in page.text


async def _person_with_leads(
    console: Console, worker: Service, new_account: NewAccount
) -> tuple[Person, str]:
    account = await leads_account(worker, new_account, 120)
    return await console.as_(account), f"/console/{account}/leads"


async def test_filters_are_those_of_the_api(
    console: Console, worker: Service, new_account: NewAccount
) -> None:
    """Every filter and order of the page lists what the API lists by it; "my leads" are those the person owns."""
    person, leads = await _person_with_leads(console, worker, new_account)
    api = console.api.as_(leads.split("/")[2])
    for asked in (
        {"q": "amara"},
        {"mine": "1"},
        {"owner": "rosa", "band": "hot"},
        {"min": "20", "max": "60"},
        {"group": "purchase", "min": "30"},
        {"sort": "score"},
        {"sort": "-score.marketing"},
        {"sort": "last_event_at", "min": "5"},
    ):
        expected: dict[str, Any] = {name: value for name, value in asked.items() if name != "mine"}
        if "mine" in asked:
            expected["owner"] = "ann"
        found = (await api.get("/contacts", params=expected)).json()["items"]
        assert found
        assert _listed(await person.open(leads, **asked)) == [each["id"] for each in found], asked


async def test_pages_lead_on_and_back(console: Console, worker: Service, new_account: NewAccount) -> None:
    """Next and previous lead through the whole list, and say which contacts of it a page has."""
    person, leads = await _person_with_leads(console, worker, new_account)
    first = await person.open(leads, owner="")
    second = await person.open(_link(first, "next"))
    third = await person.open(_link(second, "next"))
    assert [len(_listed(each)) for each in (first, second, third)] == [50, 50, 20]
    assert "101–120" in third.text
    back = await person.open(_link(third, "prev"))
    assert _listed(back) == _listed(second)
    assert "51–100" in back.text
    assert _listed(await person.open(_link(back, "prev"))) == _listed(first)


async def test_rows_name_the_list_that_leads_to_a_contact(
    console: Console, worker: Service, new_account: NewAccount
) -> None:
    """The address of a row's contact has the list's filters and its place, by which its neighbours are found."""
    account = await scored(worker, new_account)
    person = await console.as_(account)
    page = await person.open(f"/console/{account}/leads", q="ann")
    found = re.search(r'href="([^"]*)" data-row-link', page.text)
    assert found
    url = html.unescape(found[1])
    assert url.startswith(f"/console/{account}/contacts/ann?list=q%3Dann&place=")
    assert (await person.open(url)).status_code == 200


async def test_what_is_wrong_with_a_filter_is_said_at_it(
    console: Console, worker: Service, new_account: NewAccount
) -> None:
    """A range that is none is refused at its field; filters on what is gone are left out, and the page says so."""
    account = await scored(worker, new_account)
    person = await console.as_(account)
    page = await person.open(f"/console/{account}/leads", min="9", max="3")
    assert page.status_code == 422
    assert re.search(
        r'id="fault-max">[^<]*<svg.*?</svg> must not be less than min, 9|id="fault-max">must', page.text
    )
    assert 'value="9"' in page.text
    page = await person.open(
        f"/console/{account}/leads", segment="gone", band="lukewarm", group="no", sort="-score.no"
    )
    assert _listed(page) == ["ann", "bob"]
    assert "gone, no, lukewarm, -score.no" in page.text.replace("gone, lukewarm, no", "gone, no, lukewarm")


async def test_after_a_publish_a_list_begins_anew(
    console: Console, worker: Service, new_account: NewAccount
) -> None:
    """The address of a further page of before a publish leads to the first page, which says why."""
    person, leads = await _person_with_leads(console, worker, new_account)
    following = _link(await person.open(leads), "next")
    client = console.api.as_(leads.split("/")[2])
    await draft(client, weights={"deal_won": 7})
    await publish(console.api, client)
    page = await person.open(following)
    assert page.url.path == leads
    assert "This is its beginning" in page.text or "this is its beginning" in page.text
    assert len(_listed(page)) == 50


async def test_the_chart_is_a_filter_without_scripts_too(
    console: Console, worker: Service, new_account: NewAccount
) -> None:
    """Each bar of the distribution leads to the list of the contacts that it counts."""
    person, leads = await _person_with_leads(console, worker, new_account)
    page = await person.open(leads, chart="1")
    bars = re.findall(r'<td><a href="([^"]*)">[^<]*</a></td><td class="number">(\d+)</td>', page.text)
    assert sum(int(count) for _, count in bars) == 120
    for url, count in bars[:4]:
        assert len(_listed(await person.open(html.unescape(url)))) == int(count)


async def test_the_export_has_the_filters_of_the_list(
    console: Console, worker: Service, new_account: NewAccount
) -> None:
    """The link leads to the API's file of the same contacts."""
    person, leads = await _person_with_leads(console, worker, new_account)
    page = await person.open(leads, owner="rosa", min="50")
    found = re.search(r'id="export" href="([^"]*)"', page.text)
    assert found
    file = await person.get(html.unescape(found[1]))
    assert file.headers["content-type"].startswith("text/csv")
    assert [line.split(",")[0] for line in file.text.splitlines()[1:]] == _listed(page)


async def test_who_may_only_read_is_offered_nothing_that_fails(
    console: Console, worker: Service, new_account: NewAccount
) -> None:
    """Without `manage` a list cannot be saved as a segment."""
    account = await scored(worker, new_account)
    readers = await (await console.as_(account, ["engagement:read"])).open(f"/console/{account}/leads")
    managers = await (await console.as_(account)).open(f"/console/{account}/leads")
    assert ['id="save-segment"' in each.text for each in (readers, managers)] == [False, True]


async def test_script_in_every_field_is_shown(
    console: Console, worker: Service, new_account: NewAccount
) -> None:
    """Names, owners, ids, filters and names of the catalog stand in the page as text."""
    document = starting_catalog()
    groups = [{**each, "name": f"{SCRIPT}{each['name']}"} for each in document["groups"]]
    definitions = [{**each, "name": f"{IMAGE}{each['name']}"} for each in document["definitions"]]
    account = await new_account(**{**document, "groups": groups, "definitions": definitions})
    now = datetime.now(UTC) - timedelta(hours=2)
    await worker.batch(
        [
            upserted(account, IMAGE, now, name=SCRIPT, owner=IMAGE),
            happened(account, "deal.created", now, subject=IMAGE, objectid="1"),
        ]
    )
    page = await (await console.as_(account)).open(f"/console/{account}/leads", owner=IMAGE, chart="1")
    assert _listed(page) == [IMAGE]
    assert is_escaped(page.text)
    assert json.loads(html.unescape(re.findall(r'data-live-list="([^"]*)"', page.text)[0])) == [IMAGE]


async def test_an_account_without_contacts_says_when_there_will_be_some(
    console: Console, new_account: NewAccount
) -> None:
    """The empty list is no empty table."""
    account = await new_account(groups=GROUPS, definitions=[WON, OPENED])
    page = await (await console.as_(account)).open(f"/console/{account}/leads")
    assert "No contacts yet" in page.text
