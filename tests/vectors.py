"""The worked vectors of tests/vectors.yaml as values that can be fed to the oracle or to the service.

Owns how the file is read: what it leaves out is filled in here. Never judges what they expect.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tests.oracle import NULL, OracleRecord, parse_time

FILE = Path(__file__).with_name("vectors.yaml")
UNREADABLE_TIME = "2026-03-02T10:00:01Z"


@dataclass(frozen=True)
class Apply:
    """A step: this catalog document, complete, is in force for the batches that follow."""

    document: dict[str, Any]


@dataclass(frozen=True)
class Batch:
    """A step: these records are committed together, from a lane or by a backfill, with XP or without."""

    records: list[OracleRecord]
    backfilled: bool = False
    with_xp: bool = True


@dataclass(frozen=True)
class Purge:
    """A step: what the account has before this horizon is purged."""

    horizon: datetime


@dataclass(frozen=True)
class Vector:
    """One vector.

    steps: the account's first document is the first of them. expect: as in the file.
    """

    name: str
    illustrates: str
    account: str
    steps: list[Apply | Batch | Purge]
    expect: dict[str, Any]


@cache
def load() -> list[Vector]:
    """Read all vectors, in the order of the file."""
    document = YAML(typ="safe", pure=True).load(FILE)  # pure: the C parser speaks YAML 1.1
    return [_vector(raw, **document["defaults"]) for raw in document["vectors"]]


def _vector(raw: dict[str, Any], catalog: dict[str, Any], record: dict[str, Any]) -> Vector:
    first = {**catalog, **raw["catalog"]}
    head = {name: first[name] for name in ("engagement_catalog", "account")}
    defaults = {"accountid": head["account"], **record}
    steps: list[Apply | Batch | Purge] = [Apply(first)]
    for step in raw["steps"]:
        if "apply" in step:
            steps.append(Apply({**head, **step["apply"]}))
        elif "purge" in step:
            steps.append(Purge(datetime.fromisoformat(step["purge"])))
        elif "backfill" in step:
            backfilled = [
                _record({"timestamp": each["time"], **defaults, **each}) for each in step["backfill"]
            ]
            steps.append(Batch(backfilled, backfilled=True, with_xp=step.get("xp", True)))
        else:
            steps.append(Batch([_record({**defaults, **each}) for each in step.get("batch", [step])]))
    return Vector(raw["name"], raw["illustrates"], head["account"], steps, raw["expect"])


def _record(raw: dict[str, Any]) -> OracleRecord:
    attributes: dict[str, Any] = {name: NULL if value is None else value for name, value in raw.items()}
    wire = attributes.pop("json", None)
    if "data" in raw:
        wire = json.dumps(raw["data"], ensure_ascii=False)
    attributes.update(data=wire, timestamp=_timestamp(raw))
    return OracleRecord(**attributes)


def _timestamp(raw: dict[str, Any]) -> datetime:
    """Kafka keeps milliseconds, so what it would cut off is cut off."""
    if "timestamp" in raw:
        timestamp = parse_time(raw["timestamp"])
    else:
        time = parse_time(raw.get("time"))
        timestamp = time + timedelta(seconds=1) if time else parse_time(UNREADABLE_TIME)
    if timestamp is None:
        raise ValueError(f"record {raw['id']}: its timestamp cannot be read")
    return timestamp.replace(microsecond=timestamp.microsecond // 1000 * 1000)
