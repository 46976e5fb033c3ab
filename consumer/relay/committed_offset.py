"""Reads a committed offset that no open transaction can still change (KIP-447).

By OffsetFetch version 7, the first with `require_stable`; aiokafka implements up to version 3.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from aiokafka.client import ConnectionGroup, CoordinationType
from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Int64,
    Schema,
    TaggedFields,
)

if TYPE_CHECKING:
    from aiokafka.client import AIOKafkaClient
    from aiokafka.structs import TopicPartition

# COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR, UNSTABLE_OFFSET_COMMIT.
_RETRIABLE = {14, 15, 16, 88}
_RETRY_SECONDS = 0.05


class _OffsetFetchResponse(Response):  # type: ignore[misc] # aiokafka ships no types
    API_KEY = 9
    API_VERSION = 7
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "topics",
            CompactArray(
                ("topic", CompactString("utf-8")),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("offset", Int64),
                        ("leader_epoch", Int32),
                        ("metadata", CompactString("utf-8")),
                        ("error_code", Int16),
                        ("tags", TaggedFields),
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("error_code", Int16),
        ("tags", TaggedFields),
    )


class _OffsetFetchStruct(RequestStruct):  # type: ignore[misc] # as above
    API_KEY = 9
    API_VERSION = 7
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _OffsetFetchResponse
    SCHEMA = Schema(
        ("group", CompactString("utf-8")),
        (
            "topics",
            CompactArray(
                ("topic", CompactString("utf-8")),
                ("partitions", CompactArray(Int32)),
                ("tags", TaggedFields),
            ),
        ),
        ("require_stable", Boolean),
        ("tags", TaggedFields),
    )


class _OffsetFetchRequest(Request[_OffsetFetchStruct]):  # type: ignore[misc] # as above
    API_KEY = 9

    def __init__(self, group: str, partition: TopicPartition) -> None:
        self._group = group
        self._partition = partition

    def build(self, struct: Any) -> Any:
        tags: dict[int, bytes] = {}
        topics = [(self._partition.topic, [self._partition.partition], tags)]
        return struct(self._group, topics, True, tags)


async def committed(client: AIOKafkaClient, group: str, partition: TopicPartition) -> tuple[int, str] | None:
    """Return the group's committed offset and metadata, None if there is none.

    Retries without a limit while the coordinator moves, loads or has an open transaction on the offset: call it
    under a deadline. Raises KafkaError.
    """
    while True:
        try:
            node = await client.coordinator_lookup(CoordinationType.GROUP, group)
            request = _OffsetFetchRequest(group, partition)
            response = await client.send(node, request, group=ConnectionGroup.COORDINATION)
        except KafkaError as error:
            if not error.retriable:
                raise
        else:
            ((_, ((_, offset, _, metadata, code, _),), _),) = response.topics or [(None, [(0,) * 6], None)]
            code = response.error_code or code
            if code == 0:
                return None if offset < 0 else (offset, metadata or "")
            if code not in _RETRIABLE:
                raise for_code(code)(f"position of group {group}")
        await asyncio.sleep(_RETRY_SECONDS)
