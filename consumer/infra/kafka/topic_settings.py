"""Settings of topics that matter to the service: what it sets on topics that it creates, and what others have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import for_code

from consumer.infra import kafka

if TYPE_CHECKING:
    from collections.abc import Iterable

    from consumer.infra.settings import Settings

# How far a record's timestamp may be ahead of the broker's clock: Kafka 3.6 and newer refuse a later one.
MAX_AHEAD: Final = "message.timestamp.after.max.ms"
# One hour: Kafka's own default from 4.0 on, and as much as `time` may be ahead of the timestamp (semantics 2.14).
MAX_AHEAD_MS: Final = 3_600_000

CLEANUP_POLICY: Final = "cleanup.policy"
COMPACT: Final = "compact"
_TIMESTAMP_TYPE: Final = "message.timestamp.type"
_TIMEOUT_MS: Final = 5000


@dataclass(frozen=True, slots=True)
class TopicSettings:
    """Settings of one topic that hold now, its broker's defaults included.

    max_ahead_ms: how far timestamps may be ahead of the broker's clock; 0 where the broker sets them, None where it
    knows no such bound.
    """

    compacted: bool
    max_ahead_ms: int | None


async def read_topic_settings(settings: Settings, names: Iterable[str]) -> dict[str, TopicSettings | str]:
    """Return the settings of these topics, which exist; of each that cannot be read, the name of the error.

    Raises errors of aiokafka.
    """
    keys = dict.fromkeys((CLEANUP_POLICY, MAX_AHEAD, _TIMESTAMP_TYPE))
    resources = [ConfigResource(ConfigResourceType.TOPIC, name, configs=dict(keys)) for name in names]
    admin = AIOKafkaAdminClient(**kafka.client_options(settings, "check"), request_timeout_ms=_TIMEOUT_MS)
    try:
        await kafka.start_client(admin)
        answers = await admin.describe_configs(resources) if resources else []
    finally:
        await admin.close()
    found: dict[str, TopicSettings | str] = {}
    for answer in answers:
        for code, _message, _kind, name, entries in answer.resources:
            values = {entry[0]: entry[1] for entry in entries}
            found[name] = for_code(code).__name__ if code else _topic_settings(values)
    return found


def _topic_settings(values: dict[str, str]) -> TopicSettings:
    if values.get(_TIMESTAMP_TYPE) == "LogAppendTime":
        ahead: int | None = 0
    else:
        ahead = int(values[MAX_AHEAD]) if MAX_AHEAD in values else None
    return TopicSettings(COMPACT in values.get(CLEANUP_POLICY, "").split(","), ahead)
