"""Whatever callers send, the tracker refuses it or records what the service can apply, as the server says."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from hypothesis import example, given
from hypothesis import strategies as st

from consumer.domain.tracker_links import Link, signature
from consumer.web.tracker.calls.body import Batch, Kind, read_batch, read_call
from consumer.web.tracker.calls.links import read_link, record_of_link
from consumer.web.tracker.calls.outcome import Refusal, TrackedRecord
from consumer.web.tracker.calls.records import records_of
from schemas.exact_json import parse_data
from schemas.timestamps import to_microseconds
from tests.builders.tracker import NOW, AllRobots, NoRobots, browser, decoded, server, write_key

TEXT = st.one_of(
    st.sampled_from(
        ["", "a", "ann", "page", "anonymous:7", "x" * 256, "x" * 300, "\x00", "a\x85", "😀" * 250]
    ),
    st.text(max_size=20),
)
# As JSON text, so that what no parser gives is there too.
ODD = st.sampled_from(
    [
        *(
            "NaN",
            "-Infinity",
            "1e400",
            "1e-400",
            "9" * 5000,
            "0.1e1000000000000000000",
            "1.0",
            "-0",
            "01",
            "tru",
        ),
        *('"\\ud800"', '"\\u0000"', '"\\ud83d\\ude00"', '"\x00"', "[" * 62 + "]" * 62, "[" * 63 + "]" * 63),
        *("[" * 2000, '{"a":' * 70 + "1" + "}" * 70, "{} ", " {}", "null", '{"a": 1, "a": "\\ud800"}', '"'),
    ]
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=8,
).map(json.dumps)
TIMES = st.one_of(
    st.timedeltas(timedelta(days=-20_000), timedelta(days=9000)).map(
        lambda ago: json.dumps((NOW + ago).isoformat())
    ),
    st.sampled_from(['"9999-12-31T23:59:59Z"', '"0000-01-01T00:00:00Z"', '"2026-03-02 10:00:60.1+23:59"']),
)
IDS = st.one_of(TEXT.map(json.dumps), st.integers().map(str))
OBJECTS = st.one_of(
    st.dictionaries(
        st.sampled_from(
            ["object_id", "url", "search", "referrer", "email", "name", "tags", "firstName", "into"]
        ),
        st.one_of(VALUES, ODD, st.just('"https://a:b@c/d?e=f#g"'), st.just('["a", "b"]')),
        max_size=5,
    ),
    st.dictionaries(
        st.sampled_from(["page", "ip", "userAgent", "screen", "campaign", "locale", "library"]),
        st.one_of(VALUES, ODD, st.just('{"url": "?a#b", "width": 1e9, "name": "\\u0000", "path": "x"}')),
        max_size=5,
    ),
).map(lambda members: "{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in members.items()) + "}")
FIELDS = {
    **dict.fromkeys(["userId", "anonymousId", "previousId", "groupId", "messageId", "event", "name"], IDS),
    **dict.fromkeys(["properties", "traits", "context"], OBJECTS),
    **dict.fromkeys(["timestamp", "sentAt"], TIMES),
    **dict.fromkeys(["type", "accountid", "source", "actorid", "actortype", "robot", "data", "time"], VALUES),
}


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Draw the JSON of a call, or nearly so: most fields of their kind, some of any."""
    names = draw(st.lists(st.sampled_from(sorted(FIELDS)), max_size=8, unique=True))
    members = {"userId": '"ann"', "event": '"Seen"'} if draw(st.booleans()) else {}
    for name in names:
        members[name] = draw(st.one_of(FIELDS[name], FIELDS[name], FIELDS[name], VALUES, ODD))
    text = "{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in members.items()) + "}"
    body = text.encode("utf-8", "surrogatepass")
    place = draw(st.integers(0, len(body)))
    return draw(st.one_of(st.just(body), st.just(body), st.just(body[:place] + b"\xff" + body[place:])))


KEYS = st.builds(
    write_key,
    may_set_traits=st.booleans(),
    keeps_addresses=st.booleans(),
    anonymous_only=st.booleans(),
    query_parameters=st.sampled_from([frozenset(), frozenset({"e"})]),
)
SENDERS = st.sampled_from(
    [browser(), server(), browser(user_agent=None), browser(user_agent="\x9f\xff" * 999, referrer="\x80?")]
)


def check(records: tuple[TrackedRecord, ...] | Refusal) -> None:
    """Check that the events are what the server says, whatever the caller said."""
    if isinstance(records, Refusal):
        return
    for record in records:
        event = decoded(record)
        assert (event.account, event.source, event.actor_id, event.actor_type) == (
            "acme",
            "/tracker/shop",
            None,
            None,
        )
        assert event.type.startswith("track.") or event.type == "contact.upserted"
        assert event.occurred_us <= to_microseconds(NOW)
        assert record.key == f"acme:{event.subject}".encode()
        into = parse_data(event.data).get("into")
        assert into is None or (event.subject.startswith("anonymous:") and not into.startswith("anonymous:"))


@given(kind=st.sampled_from(Kind), body=bodies(), key=KEYS, sender=SENDERS)
@example(
    Kind.TRACK,
    b'{"userId":"a","event":"b","properties":' + b'{"a":' * 63 + b"{}" + b"}" * 63 + b"}",
    write_key(),
    browser(),
)
def test_a_call_is_refused_or_an_event(kind: Kind, body: bytes, key: Any, sender: Any) -> None:
    """Any body is refused, or makes events that decode, with account, source, contact and time of the server's."""
    for robots in (NoRobots(), AllRobots()):
        call = read_call(kind, body)
        if not isinstance(call, Refusal):
            check(records_of(call, key, sender, robots))


@given(members=st.lists(bodies(), max_size=3), sent_at=st.one_of(TIMES, VALUES), context=OBJECTS)
def test_a_batch_is_refused_or_events(members: list[bytes], sent_at: str, context: str) -> None:
    """Any batch is refused as a whole, or call by call, or makes events that decode."""
    parts = [
        b'{"batch":[',
        b",".join(members),
        b'],"sentAt":',
        sent_at.encode(),
        b',"context":',
        context.encode(),
        b"}",
    ]
    batch = read_batch(b"".join(parts))
    if isinstance(batch, Batch):
        assert len(batch.calls) == len(members)
        for call in batch.calls:
            if not isinstance(call, Refusal):
                check(records_of(call, write_key(may_set_traits=True), server(), NoRobots()))


@given(
    given=st.dictionaries(st.sampled_from("teacosu"), TEXT, max_size=7),
    junk=st.binary(max_size=20),
    sender=SENDERS,
)
def test_a_link_is_refused_or_an_event(given: dict[str, str], junk: bytes, sender: Any) -> None:
    """Any query of a pixel or a link is refused, or makes an event that decodes: signed or not, of any bytes."""
    link = Link(given.get("e", ""), given.get("c", ""), given.get("o", ""))
    for signed in (None, link, link._replace(url=given.get("u", ""))):
        try:
            named = {**given, "s": signature(b"secret", signed)} if signed else given
        except ValueError:
            continue
        query = urlencode(named, errors="replace").encode() + b"&x=" + junk
        for is_click in (True, False):
            request = read_link(query, is_click=is_click)
            if isinstance(request, Refusal):
                continue
            record = record_of_link(request, write_key(keeps_addresses=True), sender, NoRobots())
            check(record if isinstance(record, Refusal) else (record,))
