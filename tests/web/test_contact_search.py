"""Contacts are found by the words of their names and e-mails, and by the beginning of their ids."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import TYPE_CHECKING

import pytest

from consumer.infra import postgres
from tests.pipeline.service import apply_document
from tests.web.account_events import record
from tests.web.three_definitions import DEFINITIONS, GROUPS

if TYPE_CHECKING:
    from tests.pipeline.service import Service
    from tests.web.api_client import Api

# Ids with names and e-mails.
PEOPLE = {
    "CRM/42": ("Émile Zola", "emile.zola@example.com"),
    "crm/43": ("José-María O'Neil", "jose@oneil.example"),
    "ann@example.com": ("Ann Smith", ""),
    "a1": ("Иван Петров", "IVAN@Example.COM"),
    "a2": ("ＡＢＣ Ltd.", "sales+de@abc.example"),
    "a3": ("Müller, Jürgen (CEO)", "j_m%x@müller.example"),
    "a4": ("山田 太郎", ""),
    "a5": ("smithson", "x"),
    "a6": ("", ""),
    "a7": ("Smith & Zola | Partners: 5'10\" \\ ! (x)", "smith:*@zola.example"),
    "a8": ("ﷺ" * 300, "@"),
    "50%_off": ("z" * 5000, ""),
}
SEARCHES = [
    *(
        "emile",
        "ÉMILE zola",
        "zola em",
        "zola smith",
        "smith",
        "Smith, Ann",
        "o'neil",
        "jose maria",
        "neil.ex",
    ),
    *(
        "crm",
        "CRM/4",
        "crm/43",
        "43",
        "ann@",
        "ann@example.com",
        "example",
        "example.com",
        "IVAN",
        "иван пет",
    ),
    *(
        "abc",
        "ａｂｃ",
        "muller",
        "jurgen müller",
        "j_m%x",
        "%",
        "_",
        "'",
        "\\",
        "&",
        "| !",
        ":*",
        "(",
        "a",
        "a1 ",
    ),
    *("山田", "太", "50%", "50%_", "zzzz", "z" * 200, "ﷺ", "sales de", "5'10", "nothing", "x", "1:ann", "@"),
]
MARKS = re.compile("[\u0300-\u036f]")
SEPARATORS = re.compile(r"[\s!-/:-@\[-`{-~]+")


@pytest.fixture(scope="module")
async def account(api: Api, worker: Service) -> str:
    """Name an account with these people; another one has contacts of the same names."""
    for key in ("other", "found"):
        document = {"engagement_catalog": 1, "account": key, "name": key, "groups": GROUPS}
        await apply_document(api.dsn, {**document, "definitions": DEFINITIONS})
        await worker.batch(
            [
                record(
                    key, "contact.upserted", subject=contact, data=json.dumps({"name": name, "email": email})
                )
                for contact, (name, email) in PEOPLE.items()
            ]
        )
    return "found"


def _folded(text: str) -> str:
    return MARKS.sub("", unicodedata.normalize("NFKD", text[:256]))[:256].lower()


def _words(text: str) -> list[str]:
    return [word for word in SEPARATORS.split(_folded(text)) if word]


def _finds(search: str, contact: str) -> bool:
    def has(text: str) -> bool:
        return all(any(word.startswith(wanted) for word in _words(text)) for wanted in _words(search))

    by_word = bool(_words(search)) and any(map(has, PEOPLE[contact]))
    return by_word or contact.lower().startswith(search.lower())


@pytest.mark.parametrize("few", [5000, 0])
async def test_who_is_found(api: Api, account: str, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    """A search finds whom a plain reading says, in each of its ways, and no contact of another account."""
    monkeypatch.setattr("consumer.web.api.contacts.list_filters._MAX_CANDIDATES", few)
    async with api.as_(account) as client:
        for search in SEARCHES:
            answer = await client.get("/contacts", params={"q": search, "total": True, "limit": 200})
            assert answer.status_code == 200, answer.text
            expected = {contact for contact in PEOPLE if _finds(search, contact)}
            assert {item["id"] for item in answer.json()["items"]} == expected, search
            assert len(answer.json()["items"]) == len(expected), search
            assert answer.json()["total"] == {"contacts": len(expected), "exact": True}, search


def test_the_searches_tell_people_apart() -> None:
    """Most of them find contacts, some find more than one, none finds all."""
    found = [sum(_finds(search, contact) for contact in PEOPLE) for search in SEARCHES]
    assert max(found) < len(PEOPLE)
    assert sum(number > 1 for number in found) > 5
    assert sum(number > 0 for number in found) > 30


async def test_an_absorbed_id_finds_the_survivor(api: Api, account: str) -> None:
    """The id of a contact that was joined to another finds that, once, and in its place in the list."""
    connection = await postgres.connect(api.dsn)
    changed = await connection.execute(
        """update contacts a set survivor_id = s.id from contacts s, accounts
           where accounts.id = a.account_id and s.account_id = a.account_id
               and accounts.key = $1 and a.external_id = 'a6' and s.external_id = 'a5'""",
        account,
    )
    assert changed == "UPDATE 1"
    async with api.as_(account) as client:
        for few in ("a6", "A6"):
            found = (await client.get("/contacts", params={"q": few})).json()["items"]
            assert [item["id"] for item in found] == ["a5"]
    await connection.execute("update contacts set survivor_id = null where external_id = 'a6'")
    await connection.close()
