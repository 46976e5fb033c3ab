"""Which events a tracking call makes: docs/semantics.md §10, by hand."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from consumer.domain.make_event import event_key
from consumer.web.tracker.calls.body import MAX_CALL_BYTES, Batch, Kind, read_batch, read_call
from consumer.web.tracker.calls.outcome import Refusal
from consumer.web.tracker.calls.page_urls import cut_url
from schemas.timestamps import instant
from schemas.vocabulary import RefusalReason
from tests.builders.tracker import NOW, AllRobots, browser, call, decoded, only_record, server, write_key

ANN = {"userId": "ann", "event": "Seen"}


def one(kind: str, body: dict[str, Any], **settings: Any) -> Any:
    """Return the only event of a call."""
    events = call(kind, body, **settings)
    assert isinstance(events, list), events
    [event] = events
    return event


def data(kind: str, body: dict[str, Any], **settings: Any) -> Any:
    return json.loads(one(kind, body, **settings).data)


def refusal(kind: str, body: dict[str, Any], **settings: Any) -> tuple[str, str | None]:
    refused = call(kind, body, **settings)
    assert isinstance(refused, Refusal), refused
    return refused.reason.value, refused.field


# --- type and data -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["page", "screen", "identify"])
def test_a_call_is_an_event_of_its_name(kind: str) -> None:
    """`page`, `screen` and `identify` are of the type track.page and so on, whatever their body calls itself."""
    assert one(kind, {"userId": "ann", "type": "track", "event": "Other"}).type == f"track.{kind}"


def test_a_track_call_is_an_event_of_the_name_given() -> None:
    """A `track` call is of the type of its event's name, as it is written."""
    assert one("track", {**ANN, "event": "Order Completed"}).type == "track.Order Completed"
    assert one("track", {**ANN, "event": "x" * 250}).type == "track." + "x" * 250


@pytest.mark.parametrize(
    "name", ["page", "screen", "identify", "group", "alias", "x" * 251, "a\nb", "", None, 5]
)
def test_a_track_call_needs_a_name_of_its_own(name: object) -> None:
    """A name is text of 1 to 250 characters without control characters, and not that of another call."""
    assert refusal("track", {**ANN, "event": name}) == ("malformed", "event")


def test_what_a_caller_sends_is_below_properties_and_traits() -> None:
    """The server makes `data`: what a caller sends is in it under properties and traits, byte for byte."""
    written = b'{"userId":"ann","into":"bob","properties":{"into": "bob", "n":1.50},"traits":{"into":"bob"}}'
    record = only_record(read_call(Kind.IDENTIFY, written))
    kept = '{"properties":{"into": "bob", "n":1.50},"context":{},"traits":{"into":"bob"},"user_id":"ann"}'
    assert decoded(record).data == kept


def test_data_names_the_call() -> None:
    """`data` has the name of the event, screen or page, its category, the group, and both ids of the contact."""
    both = {"userId": "ann", "anonymousId": "a"}
    ids = {"user_id": "ann", "anonymous_id": "a"}
    rest = {"properties": {}, "context": {"userAgent": browser().user_agent}, **ids}
    assert data("track", {**both, "event": "Seen"}) == {**rest, "event": "Seen"}
    assert data("page", {**both, "name": "Home", "category": "Docs"}) == {
        **rest,
        "name": "Home",
        "category": "Docs",
    }
    assert data("group", {**both, "groupId": 5, "traits": {"plan": "pro"}}) == {
        **rest,
        "group_id": "5",
        "traits": {"plan": "pro"},
    }


@pytest.mark.parametrize("field", ["properties", "traits"])
@pytest.mark.parametrize("value", ["a", 5, ["a"], True])
def test_properties_and_traits_are_objects(field: str, value: object) -> None:
    """Properties and traits that are no object are refused; null counts as absent."""
    assert refusal("track", {**ANN, field: value}) == ("malformed", field)
    assert data("track", {**ANN, field: None})["properties"] == {}


# --- attributes that the server sets -----------------------------------------------------------------------


def test_account_source_and_actor_are_the_servers() -> None:
    """Account and source are those of the token, whatever the body says; no event has an actor."""
    forged = {
        "accountid": "globex",
        "source": "/crm",
        "actorid": "rita",
        "actortype": "rep",
        "specversion": "0.3",
    }
    event = one("track", {**ANN, **forged, "properties": forged})
    assert (event.account, event.source, event.actor_id, event.actor_type) == (
        "acme",
        "/tracker/shop",
        None,
        None,
    )


def test_the_message_id_is_the_id() -> None:
    """`messageId` is the id of the event, so that a repetition is a duplicate; without one each is an event."""
    assert one("track", {**ANN, "messageId": "m-1"}).key == event_key("/tracker/shop", "m-1")
    assert one("track", ANN).key != one("track", ANN).key
    assert refusal("track", {**ANN, "messageId": "x" * 250}) == ("malformed", "messageId")


def test_a_record_has_the_key_of_its_contact() -> None:
    """The key of a record is account and contact, as other producers write it."""
    record = only_record(read_call(Kind.TRACK, b'{"event": "Seen", "anonymousId": "7"}'))
    assert record.key == b"acme:anonymous:7"


@pytest.mark.parametrize(
    ("given", "object_id"),
    [
        ("order-1", "order-1"),
        ("", None),
        ("x" * 257, None),
        ("a\tb", None),
        (5, None),
        (None, None),
        ([], None),
    ],
)
def test_the_object_is_a_property(given: object, object_id: str | None) -> None:
    """`objectid` is the property object_id, where that is a text that it may be."""
    assert one("track", {**ANN, "properties": {"object_id": given}}).object_id == object_id


# --- contact -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "ids", "subject", "into"),
    [
        ("track", {"userId": "ann"}, "ann", None),
        ("track", {"anonymousId": "7"}, "anonymous:7", None),
        ("track", {"userId": "ann", "anonymousId": "7"}, "ann", None),
        ("track", {"userId": "", "anonymousId": 7}, "anonymous:7", None),
        ("identify", {"userId": "ann"}, "ann", None),
        ("identify", {"anonymousId": "7"}, "anonymous:7", None),
        ("identify", {"userId": "ann", "anonymousId": "7"}, "anonymous:7", "ann"),
        ("alias", {"userId": "ann", "previousId": "7"}, "anonymous:7", "ann"),
        ("alias", {"userId": "ann", "anonymousId": "7"}, "anonymous:7", "ann"),
        # bob may be a known contact: what joins is the anonymous one of that name.
        ("alias", {"userId": "ann", "previousId": "bob", "anonymousId": "7"}, "anonymous:bob", "ann"),
        ("group", {"userId": "ann", "anonymousId": "7", "groupId": "g"}, "ann", None),
    ],
)
def test_whose_event_it_is(kind: str, ids: dict[str, Any], subject: str, into: str | None) -> None:
    """The contact is the user, else the anonymous one; identify and alias are of the anonymous one, and join it."""
    event = one(kind, {"event": "Seen", **ids})
    assert (event.subject, json.loads(event.data).get("into")) == (subject, into)


@pytest.mark.parametrize(
    ("kind", "ids", "field"),
    [
        ("track", {}, "userId"),
        ("track", {"userId": "anonymous:7"}, "userId"),
        ("track", {"userId": "x" * 257}, "userId"),
        ("track", {"userId": "a\x7f"}, "userId"),
        ("track", {"userId": ["ann"]}, "userId"),
        ("track", {"userId": 1.5}, "userId"),
        ("track", {"anonymousId": "x" * 247}, "anonymousId"),
        ("alias", {"previousId": "7"}, "userId"),
        ("alias", {"userId": "ann"}, "previousId"),
        ("group", {"userId": "ann"}, "groupId"),
    ],
)
def test_a_call_names_a_contact(kind: str, ids: dict[str, Any], field: str) -> None:
    """A call without a contact, or with an id that no contact may have, is refused, and says which field."""
    assert refusal(kind, {"event": "Seen", **ids}) == ("malformed", field)


@pytest.mark.parametrize("kind", ["track", "identify", "alias", "group", "page"])
def test_a_token_of_anonymous_contacts_names_no_user(kind: str) -> None:
    """A token for anonymous contacts only refuses every call that names a user."""
    named = {"userId": "ann", "anonymousId": "7", "event": "Seen"}
    assert refusal(kind, named, key=write_key(anonymous_only=True)) == ("contact_not_allowed", "userId")


def test_a_token_allows_names() -> None:
    """Where a token lists names, they are what follows `track.` in the type: others are refused."""
    key = write_key(event_names=frozenset({"Seen", "page"}))
    assert one("track", ANN, key=key).type == "track.Seen"
    assert one("page", ANN, key=key).type == "track.page"
    assert refusal("track", {**ANN, "event": "seen"}, key=key) == ("name_not_allowed", "event")
    assert refusal("identify", ANN, key=key) == ("name_not_allowed", "type")


# --- traits ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("traits", "fields"),
    [
        ({"name": "Ann", "email": "ann@example.com", "phone": "1", "tags": ["a"]}, None),
        ({"firstName": "Ann", "lastName": "Lee", "owner": "eve", "url": "https://x"}, {"name": "Ann Lee"}),
        (
            {"name": 5, "email": "a\x00b", "phone": "x" * 257, "tags": ["a", 1], "first_name": "Ann"},
            {"name": "Ann"},
        ),
    ],
)
def test_traits_set_fields(traits: dict[str, Any], fields: dict[str, Any] | None) -> None:
    """Where the token allows it, traits of an identified user set name, email, phone and tags, and nothing else."""
    body = {"userId": "ann", "anonymousId": "7", "messageId": "m", "traits": traits}
    events = call("identify", body, key=write_key(may_set_traits=True))
    assert isinstance(events, list)
    identify, upsert = events
    assert (upsert.type, upsert.subject, upsert.id) == ("contact.upserted", "ann", "m:traits")
    assert json.loads(upsert.data) == (traits if fields is None else fields)
    assert (identify.subject, upsert.occurred_us, upsert.source) == (
        "anonymous:7",
        identify.occurred_us,
        identify.source,
    )


@pytest.mark.parametrize(
    ("kind", "body", "allowed"),
    [
        ("identify", {"userId": "ann", "traits": {"name": "Ann"}}, False),
        ("identify", {"userId": "ann", "traits": {"plan": "pro"}}, True),
        ("identify", {"anonymousId": "7", "traits": {"name": "Ann"}}, True),
        ("group", {"userId": "ann", "groupId": "g", "traits": {"name": "Group"}}, True),
    ],
)
def test_traits_that_set_nothing(kind: str, body: dict[str, Any], allowed: bool) -> None:
    """Traits set no field without leave, without a user, or in another call."""
    assert one(kind, body, key=write_key(may_set_traits=allowed)).type == f"track.{kind}"


# --- time --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("timestamp", "sent_at", "minutes"),
    [
        (None, None, 0),
        (None, -600, 0),
        (-90, None, -1.5),
        # A clock within a minute of ours is right.
        (-90, -60, -1.5),
        # One that is slow, and one that is fast.
        (-690, -600, -1.5),
        (510, 600, -1.5),
        # Rounded to whole minutes: another delay of the same call gives the same time.
        (-690, -629, -1.5),
        (-690, -571, -1.5),
        (600, None, 0),
    ],
)
def test_the_time_of_an_event(timestamp: int | None, sent_at: int | None, minutes: float) -> None:
    """An event has the time that its caller says, corrected by its clock, and never a later one than now."""
    body = dict(ANN)
    for field, seconds in (("timestamp", timestamp), ("sentAt", sent_at)):
        if seconds is not None:
            body[field] = (NOW + timedelta(seconds=seconds)).isoformat()
    assert instant(one("track", body).occurred_us) == NOW + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("times", "field"),
    [
        ({"timestamp": "yesterday"}, "timestamp"),
        ({"timestamp": "1999-12-31T23:59:59Z"}, "timestamp"),
        ({"timestamp": 1_772_445_600}, "timestamp"),
        ({"timestamp": "2026-03-02T10:00:00Z", "sentAt": "now"}, "sentAt"),
        ({"timestamp": "2026-03-02T10:00:00Z", "sentAt": "2199-01-01T00:00:00Z"}, "timestamp"),
    ],
)
def test_times_that_are_none(times: dict[str, Any], field: str) -> None:
    """A time that is none, or lies before 2000 once it is corrected, is refused."""
    assert refusal("track", {**ANN, **times}) == ("malformed", field)


# --- context -----------------------------------------------------------------------------------------------

PAGE = {
    "url": "https://a.b:c@shop.example/x?token=1&utm_source=mail&plan=pro#access_token=1",
    "referrer": "https://search.example/?q=secret",
    "search": "?token=1&utm_source=mail",
    "path": "/x?token=1",
    "title": "X",
    "keywords": ["a"],
}
CUT = {
    "url": "https://shop.example/x?utm_source=mail",
    "referrer": "https://search.example/",
    "search": "?utm_source=mail",
    "path": "/x",
    "title": "X",
}


def test_an_allowed_set_of_the_context_is_kept() -> None:
    """Of the context an allowed set is kept; addresses of pages lose login, fragment and most parameters."""
    kept = {
        "campaign": {"name": "spring", "source": "mail"},
        "library": {"name": "analytics.js", "version": "2"},
        "locale": "en-GB",
        "timezone": "Europe/Paris",
        "screen": {"width": 1280, "height": 800, "density": 1.5},
        "userAgent": "Mozilla/5.0",
    }
    left_out = {"ip": "192.0.2.1", "traits": {"email": "a"}, "device": {"id": "x"}, "cookies": "c"}
    assert data("track", {**ANN, "context": {"page": PAGE, **kept, **left_out}})["context"] == {
        "page": CUT,
        **kept,
    }


@pytest.mark.parametrize(
    "context",
    [
        [],
        "a",
        {"page": 5, "library": [], "screen": {"width": "a", "height": True, "density": -1}, "locale": {}},
        {"page": {"url": 5, "title": None, "search": "?q=1"}, "campaign": {"name": 5}},
    ],
)
def test_a_context_of_another_kind_is_left_out(context: object) -> None:
    """What is wrong in a context is left out: no event is lost by it."""
    assert data("track", {**ANN, "context": context}, sender=server())["context"] == {}


@pytest.mark.parametrize(
    ("url", "cut"),
    [
        ("https://shop.example/a#access_token=1", "https://shop.example/a"),
        ("https://shop.example/#/reset?token=1&utm_term=x#a", "https://shop.example/#/reset?utm_term=x"),
        ("https://shop.example/#!x?token=1", "https://shop.example/#!x"),
        ("https://shop.example/@ann?a=@", "https://shop.example/@ann"),
        ("//ann:pw@shop.example/?utm_source=a&utm_source=b&b", "//shop.example/?utm_source=a&utm_source=b"),
        ("?token=1", ""),
        ("x" * 3000, "x" * 2048),
    ],
)
def test_addresses_of_pages_are_cut(url: str, cut: str) -> None:
    """A fragment goes, unless it is a route, which is cut as the address is; a login goes, whatever the scheme."""
    assert cut_url(url, frozenset()) == cut


def test_parameters_that_a_token_allows_are_kept() -> None:
    """Query parameters that the token lists are kept, as those of campaigns are."""
    key = write_key(query_parameters=frozenset({"plan"}))
    page = data("track", {**ANN, "context": {"page": PAGE}}, key=key)["context"]["page"]
    assert page["url"] == "https://shop.example/x?utm_source=mail&plan=pro"


def test_properties_of_a_page_are_cut() -> None:
    """A `page` call repeats the page in its properties: they are cut likewise; those of other calls are not."""
    assert data("page", {**ANN, "properties": PAGE})["properties"] == {**CUT, "keywords": ["a"]}
    assert data("track", {**ANN, "properties": PAGE})["properties"] == PAGE


@pytest.mark.parametrize(
    ("sender", "context", "seen"),
    [
        (browser(), {}, (browser().user_agent, "192.0.2.7")),
        (browser(), {"userAgent": "Own", "ip": "192.0.2.1"}, (browser().user_agent, "192.0.2.7")),
        (server(), {}, (None, None)),
        (server(), {"userAgent": "Own", "ip": "192.0.2.1"}, ("Own", "192.0.2.1")),
        (server(), {"ip": "192.0.2.1'); --"}, (None, None)),
    ],
)
def test_whom_robots_are_looked_for_in(
    sender: Any, context: Any, seen: tuple[str | None, str | None]
) -> None:
    """A browser is its request; of a server's call only what it says of a person counts, never the server's own."""
    robots = AllRobots()
    assert one("track", {**ANN, "context": context}, sender=sender, robots=robots).robot
    assert robots.seen == seen


def test_addresses_are_kept_where_the_token_says_so() -> None:
    """Addresses are not kept unless the token keeps them."""
    assert "ip" not in data("track", ANN)["context"]
    assert data("track", ANN, key=write_key(keeps_addresses=True))["context"]["ip"] == "192.0.2.7"


# --- bodies ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "reason", "field"),
    [
        (b"", "malformed", None),
        (b"[]", "malformed", None),
        (b"{", "malformed", None),
        (b'{"userId": "\xff"}', "malformed", None),
        (b'\xef\xbb\xbf{"userId": "ann"}', "malformed", None),
        (b'{"other": NaN}', "malformed", None),
        (b'{"userId": "\\ud800"}', "malformed", None),
        (b'{"userId": ' + b"9" * 5000 + b"}", "malformed", "userId"),
        (b'{"a": ' + b"[" * 64 + b"]" * 64 + b"}", "malformed", None),
        (b"[" * 20_000, "malformed", None),
        (b'{"a": "' + b"x" * MAX_CALL_BYTES + b'"}', "too_large", None),
    ],
)
def test_bodies_that_are_no_call(body: bytes, reason: str, field: str | None) -> None:
    """A body that is no JSON object, too deep or too large is refused, and never quoted."""
    refused = read_call(Kind.TRACK, body)
    assert isinstance(refused, Refusal)
    assert (refused.reason, refused.field) == (reason, field)


def batch(body: dict[str, Any]) -> Batch:
    read = read_batch(json.dumps(body).encode())
    assert isinstance(read, Batch), read
    return read


def test_a_batch_is_its_calls() -> None:
    """The calls of a batch are read one by one, in order: one that is wrong refuses no other."""
    read = batch(
        {
            "writeKey": "k",
            "batch": [{"type": "track", **ANN}, 5, {"type": "x"}, {"type": "page", "userId": []}],
        }
    )
    assert read.write_key == "k"
    first, *others = read.calls
    assert not isinstance(first, Refusal)
    assert [
        first.tracked_name,
        *((each.reason, each.field) for each in others if isinstance(each, Refusal)),
    ] == [
        "Seen",
        (RefusalReason.MALFORMED, None),
        (RefusalReason.MALFORMED, "type"),
        (RefusalReason.MALFORMED, "userId"),
    ]


def test_a_batch_has_a_time_and_a_context_for_all() -> None:
    """The batch's `sentAt` is that of its calls, and its context has what theirs lack."""
    shared = {"library": {"name": "shared", "version": "1"}, "locale": "fr"}
    own = {"type": "track", **ANN, "sentAt": "2020-01-01T00:00:00Z", "context": {"locale": "en"}}
    read = batch({"batch": [own, {"type": "track", **ANN}], "context": shared, "sentAt": NOW.isoformat()})
    contexts = []
    for each in read.calls:
        assert not isinstance(each, Refusal)
        assert each.sent_at == NOW.isoformat()
        contexts.append(json.loads(decoded(only_record(each)).data)["context"])
    assert contexts == [{**shared, "locale": "en"}, shared]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, RefusalReason.MALFORMED),
        ({"batch": []}, RefusalReason.MALFORMED),
        ({"batch": {}}, RefusalReason.MALFORMED),
        ({"batch": [1] * 2501}, RefusalReason.TOO_LARGE),
        ({"batch": [1], "context": json.loads("[" * 65 + "]" * 65)}, RefusalReason.MALFORMED),
    ],
)
def test_batches_that_are_none(body: dict[str, Any], reason: RefusalReason) -> None:
    """A body without calls, or with more than 2,500, is refused as a whole."""
    refused = read_batch(json.dumps(body).encode())
    assert isinstance(refused, Refusal)
    assert refused.reason == reason
