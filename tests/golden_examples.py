"""The golden examples of schemas/examples: events as Kafka records, byte for byte, and messages out.

Owns the small language of those files (schemas/examples/README.md). Never judges an example: what should
become of it is in its file, and `expected` repeats it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from ruamel.yaml import YAML

import schemas
from consumer.domain.model import Record
from schemas.vocabulary import INPUT_TOPICS

FOLDER = Path(schemas.__file__).parent / "examples"
ATTRIBUTES = {
    "specversion": "1.0",
    "source": "/crm",
    "type": "track.example",
    "subject": "ann",
    "time": "2026-03-02T10:00:00Z",
    "accountid": "acme",
}
TIMESTAMP = "2026-03-02T10:00:01Z"
STRUCTURED = b"application/cloudevents+json"
PADDING = "x-padding"


@dataclass(frozen=True)
class Example:
    """One example.

    name: unique among all, and the id of its event unless it sets another. topic: where its file says it
    belongs. expected: 'applied' or 'contact', given an account acme and a
    definition that takes its type if that may be, or 'dead REASON'. event: what must
    be true of the decoded event, by field of consumer.model.Event, times as text.
    """

    name: str
    why: str
    topic: str
    expected: str
    event: dict[str, Any]
    spec: dict[str, Any]

    def record(self, topic: str | None = None, partition: int = 0, offset: int = 0) -> Record:
        """Make the record; without a topic it is the example's own."""
        headers, value = _binary(self) if self.spec.get("mode") == "binary" else _structured(self)
        if "value" in self.spec:
            value = None if self.spec["value"] is None else _bytes(self.spec["value"])
        if value is not None and "pad_value_to" in self.spec:
            value += b" " * (self.spec["pad_value_to"] - len(value))
        headers += [
            (name, None if text is None else _bytes(text)) for name, text in self.spec.get("headers", [])
        ]
        key = _bytes(self.spec.get("key", "ann"))
        if "pad_headers_to" in self.spec:
            taken = len(key) + sum(len(name.encode()) + len(text or b"") for name, text in headers)
            headers.append((PADDING, b"x" * (self.spec["pad_headers_to"] - taken - len(PADDING))))
        timestamp = _milliseconds(self.spec.get("timestamp", TIMESTAMP))
        return Record(topic or self.topic, partition, offset, timestamp, key, value, tuple(headers))


def load_examples(kind: Literal["good", "bad"]) -> list[Example]:
    """Read all examples of a kind, in the order of the files and in them."""
    return [example for path in sorted((FOLDER / kind).glob("*.yaml")) for example in _load(path, kind)]


@dataclass(frozen=True)
class PublishedExample:
    """A message out. name: unique within its topic. key: of the record."""

    topic: str
    name: str
    why: str
    key: str
    message: dict[str, Any]


def load_published() -> list[PublishedExample]:
    """Read all examples of messages, in the order of the files and in them."""
    return [
        PublishedExample(topic=path.stem, **spec)
        for path in sorted((FOLDER / "published").glob("*.yaml"))
        for spec in YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    ]


@lru_cache  # a tenth of a second for each file
def _load(path: Path, kind: str) -> list[Example]:
    examples = []
    for spec in YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8")):
        unknown = set(spec) - {
            *("name", "why", "topic", "event", "mode", "set", "without", "raw", "data", "value", "headers"),
            *("key", "timestamp", "pad_value_to", "pad_headers_to", "envelope", "expected"),
        }
        if unknown:
            raise ValueError(f"{path.name}: {spec['name']}: {sorted(unknown)}")
        own = path.stem if path.stem in INPUT_TOPICS else "tracked"
        examples.append(
            Example(
                name=spec["name"],
                why=spec["why"],
                topic=spec.get("topic", own),
                expected=spec.get("expected", "applied") if kind == "good" else f"dead {path.stem}",
                event=spec.get("event", {}),
                spec=spec,
            )
        )
    return examples


def _attributes(example: Example) -> dict[str, Any]:
    attributes = {**ATTRIBUTES, "id": example.name, **example.spec.get("set", {})}
    for name in example.spec.get("without", []):
        del attributes[name]
    return attributes


def _structured(example: Example) -> tuple[list[tuple[str, bytes | None]], bytes]:
    members = [(name, json.dumps(value).encode()) for name, value in _attributes(example).items()]
    if "data" in example.spec:
        members.append(("data", _bytes(example.spec["data"])))
    members += [(name, _bytes(text)) for name, text in example.spec.get("raw", [])]
    value = b"{" + b", ".join(json.dumps(name).encode() + b": " + text for name, text in members) + b"}"
    before, _, after = example.spec.get("envelope", "@").partition("@")
    return [("content-type", STRUCTURED)], before.encode() + value + after.encode()


def _binary(example: Example) -> tuple[list[tuple[str, bytes | None]], bytes | None]:
    headers: list[tuple[str, bytes | None]] = [("content-type", b"application/json")]
    for name, value in _attributes(example).items():
        headers.append((f"ce_{name}", None if value is None else str(value).encode()))
    return headers, _bytes(example.spec["data"]) if "data" in example.spec else None


def _bytes(text: Any) -> bytes:
    """Turn text into bytes: a string, or a list of strings, `{repeat, times}` and `{hex}`."""
    if isinstance(text, str):
        return text.encode()
    parts = []
    for part in text:
        if isinstance(part, str):
            parts.append(part.encode())
        elif "hex" in part:
            parts.append(bytes.fromhex(part["hex"]))
        else:
            parts.append(part["repeat"].encode() * part["times"])
    return b"".join(parts)


def _milliseconds(timestamp: str | int | None) -> int | None:
    if timestamp is None or isinstance(timestamp, int):
        return timestamp
    return (datetime.fromisoformat(timestamp) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
