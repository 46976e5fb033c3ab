"""Messages that are too large: what is left out of them, in which order, and what always stays."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from consumer.relay.message_sizes import MAX_BATCH_BYTES, MessageSizes, message_bytes
from consumer.relay.outbox_messages import OutgoingMessage
from consumer.relay.shorten_message import shortened
from schemas.published import ScoreChanged
from schemas.vocabulary import DEAD_LETTERS_TOPIC, SCORE_CHANGED_TOPIC, XP_CREDITED_TOPIC

if TYPE_CHECKING:
    from collections.abc import Sequence

CLOUDEVENT = (("content-type", b"application/cloudevents+json"),)
CONTEXT = tuple((f"engagement-{name}", b"x") for name in ("reason", "detail", "topic", "partition", "offset"))


def score_changed(groups: int, changed: int, events: int) -> OutgoingMessage:
    """Return a message with so many groups, of which some have changed, and so many events of about 200 bytes."""
    one = {"id": "é" * 20, "source": "/crm", "type": "deal.won", "occurred_at": "2026-01-01T00:00:00Z"}
    data = {
        "profile": "lead_score",
        "profile_version": 1,
        "version": 7,
        "causes": ["events"],
        "overall": {"previous": 0, "current": changed},
        "groups": {
            f"g{number}": {"previous": 0, "current": int(number < changed)} for number in range(groups)
        },
        "events": [
            {**one, "definition": "won", "verdict": "counted", "points": number} for number in range(events)
        ],
        "event_count": 30,
    }
    event = {
        "specversion": "1.0",
        "id": "1:acme:lead_score:ann:7",
        "source": "/engagement",
        "type": "engagement.score.changed",
        "time": "2026-01-01T00:00:00Z",
        "subject": "ann",
        "accountid": "acme",
        "datacontenttype": "application/json",
        "data": data,
    }
    value = json.dumps(event, ensure_ascii=False).encode()
    return OutgoingMessage(SCORE_CHANGED_TOPIC, b"acme:lead_score:ann", value, CLOUDEVENT)


def data_of(message: OutgoingMessage) -> dict[str, Any]:
    """Return `data` of a message that has the published schema."""
    assert message.value is not None
    ScoreChanged.model_validate_json(message.value)
    data: dict[str, Any] = json.loads(message.value)["data"]
    return data


def cut_of(message: OutgoingMessage) -> str | None:
    """Return the value of the header that says what was left out."""
    value = dict(message.headers).get("engagement-truncated")
    return None if value is None else value.decode()


@pytest.mark.parametrize(
    ("most", "events", "groups", "cut"),
    [(6000, range(1, 20), 100, "events"), (1500, [0], 10, "events,groups"), (800, [0], 0, "events,groups")],
)
def test_events_go_first_then_unchanged_groups_then_groups(
    most: int, events: Sequence[int], groups: int, cut: str
) -> None:
    """No more is left out than has to be; the first events stay, the count is of all, overall and id never go."""
    whole = score_changed(100, 10, 20)
    short = shortened(whole, most, message_bytes)
    before, after = data_of(whole), data_of(short)
    assert message_bytes(short) <= most
    assert len(after["groups"]) == groups
    assert len(after["events"]) in events
    assert after["events"] == before["events"][: len(after["events"])]
    assert all(before["groups"][key] == change for key, change in after["groups"].items())
    assert {**after, "events": 0, "groups": 0} == {**before, "events": 0, "groups": 0}
    assert cut_of(short) == cut
    assert (short.key, short.headers[:1]) == (whole.key, whole.headers)


def test_without_events_only_groups_are_named() -> None:
    """A publish message has no events: the header names groups alone."""
    assert cut_of(shortened(score_changed(100, 10, 0), 2000, message_bytes)) == "groups"


def test_a_message_of_12_000_groups_is_published() -> None:
    """The message that ended workers (1.13 MB): above what brokers accept by default, it is made to fit."""
    whole = score_changed(30_000, 3, 20)
    assert message_bytes(whole) > MAX_BATCH_BYTES
    [fit] = MessageSizes().fitted([whole])
    assert message_bytes(fit) < MAX_BATCH_BYTES
    assert list(data_of(fit)["groups"]) == ["g0", "g1", "g2"]


@pytest.mark.parametrize(
    ("most", "cut"), [(3000, "value"), (1500, "headers,value"), (500, "headers,value,key")]
)
def test_a_dead_letter_loses_value_then_headers_then_key(most: int, cut: str) -> None:
    """Of a dead letter the value is cut first; reason and place always stay, and what is left is its beginning."""
    headers = (("engagement-reason", b"h" * 1000), *CONTEXT, ("engagement-truncated", b"value"))
    whole = OutgoingMessage(DEAD_LETTERS_TOPIC, b"k" * 800, b"v" * 5000, headers)
    short = shortened(whole, most, message_bytes)
    assert message_bytes(short) <= most
    assert cut_of(short) == cut
    assert set(CONTEXT) <= set(short.headers)
    assert len([name for name, _ in short.headers if name == "engagement-truncated"]) == 1
    assert short.key == b"k" * 800 or "key" in cut
    assert short.key
    assert (short.value or b"").strip(b"v") == b""


def test_sizes_learned_from_a_refusal() -> None:
    """Refused as large as that: from then on such messages are shortened, smaller ones and other topics are not."""
    sizes = MessageSizes()
    whole, small = score_changed(10, 3, 20), score_changed(2, 1, 1)
    assert sizes.fitted([whole, small]) == [whole, small]
    sizes.refuse(SCORE_CHANGED_TOPIC, message_bytes(whole), 1)
    short, same = sizes.fitted([whole, small])
    assert message_bytes(short) <= message_bytes(whole) // 2
    assert same is small
    xp = OutgoingMessage(XP_CREDITED_TOPIC, b"k", b"x" * 5000, ())
    assert sizes.fitted([xp]) == [xp]
    sizes.refuse(XP_CREDITED_TOPIC, message_bytes(xp) + 1, 1)
    assert sizes.fitted([xp]) == [xp]
    sizes.refuse(XP_CREDITED_TOPIC, message_bytes(xp), 1)
    assert sizes.fitted([xp]) == []
