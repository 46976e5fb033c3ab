"""CSV files: whole lists and timelines of one moment, which spreadsheets show and do not run."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from consumer.infra import postgres
from consumer.web.api.contacts import contacts
from consumer.web.http import export_response
from tests.pipeline.service import apply_document
from tests.web.account_events import record
from tests.web.api_client import bearer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from tests.pipeline.service import Service
    from tests.web.api_client import Api, Client

GROUPS = [{"key": "purchase", "name": "Purchase", "icon": "cart"}]
WON = {
    "key": "deal_won",
    "name": "Deal won",
    "group": "purchase",
    "icon": "trophy",
    "default_points": -5,
    "events": ["deal.won"],
    "dedup": {"policy": "cooldown", "interval": "1h"},
}
FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@sum",
    '=cmd|"/c calc"!A1',
    "＝1",
    "＋1",
    "－1",
    "＠sum",
    "\n=1",
    'a,b"c\n-d',
]


@pytest.fixture(scope="module")
async def client(api: Api, worker: Service) -> Any:
    """Give a client of an account whose contacts have dangerous names, and whose reps have too."""
    document = {
        "engagement_catalog": 1,
        "account": "files",
        "name": "Files",
        "groups": GROUPS,
        "definitions": [WON],
    }
    await apply_document(api.dsn, document)
    records = []
    for number, name in enumerate(FORMULAS):
        data = json.dumps({"name": name, "owner": "rep"})
        records.append(record("files", "contact.upserted", subject=f"c{number}", data=data))
        records.append(record("files", "deal.won", subject=f"c{number}"))
    records += [record("files", "deal.won", subject="=c", actorid="@rep") for _ in range(3)]
    await worker.batch(records)
    async with api.as_("files") as client:
        yield client


async def rows(client: Client, path: str, **params: Any) -> list[dict[str, str]]:
    response = await client.get(path, params=params)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.content.startswith(b"\xef\xbb\xbf")
    return [*csv.DictReader(io.StringIO(response.text.removeprefix("\ufeff"), newline=""))]


@pytest.mark.parametrize("chunk", [1000, 2])
async def test_a_list_as_a_file(client: Client, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    """The file has what all pages have, in their order; text that a spreadsheet would run begins with a quote."""
    monkeypatch.setattr("consumer.web.api.contacts.contacts._CHUNK", chunk)
    params = {"sort": "score.purchase"}
    listed = (await client.get("/contacts", params=params)).json()["items"]
    found = await rows(client, "/contacts.csv", **params)
    assert [row["id"].removeprefix("'") for row in found] == [item["id"] for item in listed]
    names = {row["id"]: row["name"] for row in found}
    assert [names[f"c{number}"] for number in range(len(FORMULAS))] == [
        *(f"'{name}" for name in FORMULAS[:-1]),
        FORMULAS[-1],
    ]
    assert names["'=c"] == ""
    assert {(row["overall"], row["purchase"]) for row in found} == {("-5", "-5")}
    assert len(await rows(client, "/contacts.csv", owner="rep", min=-5)) == len(FORMULAS)
    assert await rows(client, "/contacts.csv", min=0) == []


@pytest.mark.parametrize("chunk", [500, 1])
async def test_a_timeline_as_a_file(client: Client, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    """The file has what all pages have, why and until when included; it is called by plain characters only."""
    monkeypatch.setattr("consumer.web.api.contacts.timeline._CHUNK", chunk)
    found = await rows(client, "/contacts/=c/timeline.csv")
    assert [(row["points"], row["verdict"], row["actor"]) for row in found] == [
        ("0", "cooling_down", "'@rep"),
        ("0", "cooling_down", "'@rep"),
        ("-5", "counted", "'@rep"),
    ]
    assert found[0]["why"].startswith("cooling down until ")
    assert found[0]["until"].endswith("Z")
    assert len(await rows(client, "/contacts/=c/timeline.csv", verdict="counted")) == 1
    sent = await client.get("/contacts/=c/timeline.csv")
    assert sent.headers["content-disposition"] == 'attachment; filename="files-_c-timeline.csv"'
    assert sent.headers["cache-control"] == "no-store"


# What a spreadsheet makes of a cell: a number without its zeros, a rounded one, a date, a truth value; or nothing.
CHANGED = ["007", "9" * 20, "123456789012", "2026-01-02", "1-2", "MAR1", "1e5", "true", "-5", '0"1', " 7"]
KEPT = ["42", "marie", "mar1nated", "/crm/7", "c-1", "Ann Lee"]


async def test_ids_survive_a_spreadsheet(
    api: Api, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """On request an id that a spreadsheet would change is a formula that gives it; all others are as without."""
    account = await new_account(groups=GROUPS, definitions=[WON])
    ids = [*CHANGED, *KEPT, "0" * 256]
    await worker.batch(
        [record(account, "deal.won", subject=each, actorid="007", objectid="1/2") for each in ids]
    )
    async with api.as_(account) as client:
        plain = {row["id"].removeprefix("'") for row in await rows(client, "/contacts.csv")}
        assert plain == set(ids)
        written = {row["id"] for row in await rows(client, "/contacts.csv", **{"for": "spreadsheet"})}
        formulas = {'="' + each.replace('"', '""') + '"' for each in CHANGED}
        assert written == {*formulas, *KEPT, "0" * 256}
        [entry] = await rows(client, "/contacts/007/timeline.csv", **{"for": "spreadsheet"})
        assert (entry["actor"], entry["object"], entry["points"]) == ('="007"', '="1/2"', "-5")
        assert (await client.get("/contacts.csv", params={"for": "excel"})).status_code == 422


async def test_faults_are_answered_before_the_file_begins(client: Client) -> None:
    """A wrong filter or an unknown contact is a problem as everywhere, no file."""
    assert (await client.get("/contacts.csv", params={"group": "nope"})).status_code == 422
    assert (await client.get("/contacts/nope/timeline.csv")).status_code == 404
    assert len(await rows(client, "/contacts.csv")) == len(FORMULAS) + 1, "its place is free again"


async def test_a_file_is_of_one_moment(
    client: Client, api: Api, worker: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What happens while a file is sent is not in it; a client that reads slowly is in no other export's way."""
    monkeypatch.setattr(contacts, "_CHUNK", 2)

    async def meanwhile() -> None:
        await worker.batch([record("files", "deal.won", subject=f"new{number}") for number in range(5)])
        # The slow one has its second part only. There is a place for one export at a time.
        assert len(await rows(client, "/contacts.csv")) == len(FORMULAS) + 6

    assert len(await _sent(api, meanwhile)) == 1 + len(FORMULAS) + 1
    assert len(await rows(client, "/contacts.csv")) == len(FORMULAS) + 6


async def test_a_disconnect_returns_the_connection(
    client: Client, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the client disconnects before the end of a file, its database connection is returned."""
    monkeypatch.setattr(contacts, "_CHUNK", 2)

    gone = False

    async def leave() -> None:
        nonlocal gone
        gone = True

    assert 1 < len(await _sent(api, leave, gone=lambda: gone)) < 1 + len(FORMULAS)
    connection = await postgres.connect(api.dsn)
    open_ones = (
        "select count(*) from pg_stat_activity where datname = current_database() and state ~ 'in trans'"
    )
    assert await connection.fetchval(open_ones) == 0
    await connection.close()
    assert await rows(client, "/contacts.csv")


async def test_a_client_that_stops_reading_is_disconnected(
    client: Client, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a part is not taken in time the answer ends without its last part, and its place is free again."""
    monkeypatch.setattr(contacts, "_CHUNK", 2)
    monkeypatch.setattr(export_response, "_SEND_TIMEOUT", 0.05)

    async def never() -> None:
        await asyncio.Event().wait()

    assert 1 < len(await _sent(api, never)) < 1 + len(FORMULAS)
    assert await rows(client, "/contacts.csv")


async def _sent(
    api: Api, meanwhile: Callable[[], Awaitable[None]], *, gone: Callable[[], bool] = lambda: False
) -> list[list[str]]:
    """Return the rows of the list as a file, of which something happens when its second part is sent."""
    parts: list[bytes] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect" if gone() else "http.request"}

    async def send(message: MutableMapping[str, Any]) -> None:
        parts.append(message.get("body", b""))
        if len(parts) == 3:
            await meanwhile()

    request = httpx.Request("GET", "http://api/v1/accounts/files/contacts.csv", headers=bearer("files"))
    scope = {
        "type": "http",
        "asgi": {"spec_version": "2.3"},
        "method": "GET",
        "scheme": "http",
        "path": request.url.path,
        "query_string": b"sort=score",
        "headers": request.headers.raw,
        "http_version": "1.1",
    }
    await api.app(scope, receive, send)
    return [*csv.reader(io.StringIO(b"".join(parts).decode("utf-8-sig"), newline=""))]
