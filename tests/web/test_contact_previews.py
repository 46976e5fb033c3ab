"""`preview/contacts`: what a publish would make of some contacts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.web.sample_account import begin, draft, finish, scored

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.pipeline.service import Service
    from tests.web.api_client import Api, Client

    NewAccount = Callable[..., Awaitable[str]]

CONTACTS = "/profiles/lead_score/preview/contacts"
OVERALL = {"cap": 100, "bands": [{"key": "cold"}, {"key": "hot", "min": 30}]}


async def _items(client: Client, *contacts: str) -> list[dict[str, Any]]:
    answer = await client.post(CONTACTS, json={"contacts": contacts})
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def test_contacts_are_as_they_would_be(api: Api, worker: Service, new_account: NewAccount) -> None:
    """Each contact has its score before and after, with bands, bounds and adjustments, and why it changes."""
    account = await scored(worker, new_account)
    async with api.as_(account) as client:
        given = {"group": "mail", "points": 7, "reason": "met", "client_key": "a"}
        adjusted = await client.post("/contacts/bob/adjustments", json=given)
        assert adjusted.status_code in {200, 201}, adjusted.text
        await draft(
            client, weights={"deal_won": 20}, overall=OVERALL, groups={"mail": {"cap": 5, "apart": True}}
        )
        ann, bob, nobody = await _items(client, "ann", "bob", "nobody")
    assert ann["before"] == {
        "overall": 52,
        "band": None,
        "groups": {"purchase": 50, "mail": 2},
        "group_bands": {},
    }
    assert ann["after"] == {
        "overall": 20,
        "band": "cold",
        "groups": {"purchase": 20, "mail": 2},
        "group_bands": {},
    }
    assert ann["reasons"] == [
        {
            "definition": "deal_won",
            "count": 1,
            "before": {"points": 50, "group": "purchase"},
            "after": {"points": 20, "group": "purchase"},
        }
    ]
    # 7 adjusted points of mail are bounded by 5, and are no part of overall any more.
    assert (bob["before"]["overall"], bob["after"]["overall"], bob["after"]["groups"]["mail"]) == (57, 20, 5)
    assert (nobody["asked"], nobody["contact"], nobody["before"]) == ("nobody", None, None)


async def test_a_publish_makes_of_them_what_was_previewed(
    api: Api, worker: Service, new_account: NewAccount
) -> None:
    """After the publish readers see the score that was previewed; `version` and `revision` are the profile's."""
    account = await scored(worker, new_account)
    async with api.as_(account) as client:
        await draft(client, weights={"deal_won": 20, "email_opened": 9}, overall=OVERALL)
        found = (await client.post(CONTACTS, json={"contacts": ["ann"]})).json()
        seen = await client.get("/profiles/lead_score")
        assert (found["revision"], found["version"]) == (seen.json()["revision"], 1)
        begun = await begin(client)
        await finish(api, begun.json()["id"])
        [looked_up] = (await client.post("/scores/lookup", json={"contacts": ["ann"]})).json()["items"]
    after = found["items"][0]["after"]
    assert {name: looked_up["contact"][name] for name in after} == after


async def test_it_is_refused_by_field(api: Api, worker: Service, new_account: NewAccount) -> None:
    """No contacts, and too many, are refused; so is an archived profile."""
    account = await scored(worker, new_account)
    async with api.as_(account) as client:
        for contacts in ([], ["a"] * 21, [""]):
            assert (await client.post(CONTACTS, json={"contacts": contacts})).status_code == 422
        await client.post("/profiles", json={"key": "other", "name": "Other"})
        await client.edit("/profiles/other", {"archived": True})
        refused = await client.post("/profiles/other/preview/contacts", json={"contacts": ["ann"]})
        assert refused.status_code in {409, 422}
        unknown = await client.post("/profiles/nothing/preview/contacts", json={"contacts": ["ann"]})
        assert unknown.status_code == 404
