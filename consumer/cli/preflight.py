"""Checks that everything the service needs is there and correct; reports all findings, and changes nothing.

Never asks a broker for a topic by name: some brokers create a topic that is asked for.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import asyncpg
from aiokafka.errors import KafkaError

from consumer.infra import kafka, postgres
from consumer.infra.kafka.topic_settings import MAX_AHEAD, MAX_AHEAD_MS, read_topic_settings
from consumer.infra.postgres.migrate import pending
from consumer.infra.postgres.schema_version import PROGRAM, read_schema
from consumer.infra.postgres.session import PoolerModeError
from consumer.infra.settings import SettingsError
from schemas.vocabulary import INPUT_TOPICS, OUTPUT_TOPICS, POSITIONS_TOPIC

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.infra.kafka.topic_settings import TopicSettings
    from consumer.infra.settings import Settings

_TIMEOUT_SECONDS = 10
# Seconds that this machine's clock may differ from the database's.
_CLOCK_DIFFERENCE = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check; text: one line, with what to do if it is not ok.

    warning: the service works, but an operator should know; ok is True.
    """

    subject: str
    ok: bool
    text: str
    warning: bool = False


async def check(settings: Settings) -> list[Finding]:
    """Return the findings on settings, database and brokers, in this order, whether ok or not."""
    try:
        kafka.client_options(settings)
    except SettingsError as error:
        faults = [Finding("settings", ok=False, text=fault) for fault in error.faults]
        return [*faults, *await _database(settings)]
    found = await asyncio.gather(_database(settings), _brokers(settings))
    return [Finding("settings", ok=True, text="complete"), *found[0], *found[1]]


async def _database(settings: Settings) -> list[Finding]:
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            connection = await postgres.connect(
                settings.dsn(), any_schema=True, application_name="engagement-check"
            )
    except PoolerModeError as error:
        return [Finding("pooler", ok=False, text=_line(error))]
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        return [Finding("database", ok=False, text=f"cannot be reached: {_line(error)}")]
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            return await _database_findings(connection)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        return [Finding("database", ok=False, text=f"cannot be queried: {_line(error)}")]
    finally:
        connection.terminate()


async def _database_findings(connection: postgres.Connection) -> list[Finding]:
    version = await connection.fetchval("select current_setting('server_version')")
    findings = [Finding("database", ok=True, text=f"PostgreSQL {version}"), await _schema(connection)]
    # A commit lost by Postgres is the one failure the service cannot recover from (semantics §7.4).
    for name, unsafe in (("synchronous_commit", {"off", "local"}), ("fsync", {"off"})):
        value = await connection.fetchval("select current_setting($1)", name)
        text = f"{value}: Postgres may lose commits that it confirmed; set it to on"
        findings.append(Finding(name, value not in unsafe, text if value in unsafe else value))
    findings.append(await _clock(connection))
    recovering = await connection.fetchval("select pg_is_in_recovery()")
    if recovering:
        findings.append(Finding("database", ok=False, text="is a standby: nothing can be written to it"))
    return findings


async def _clock(connection: postgres.Connection) -> Finding:
    ahead = (datetime.now(UTC) - await connection.fetchval("select clock_timestamp()")).total_seconds()
    if abs(ahead) < _CLOCK_DIFFERENCE:
        return Finding("clock", ok=True, text="agrees with the database's")
    where = "ahead of" if ahead > 0 else "slower than"
    text = f"of this machine is {abs(ahead):.0f} s {where} the database's: synchronise both"
    return Finding("clock", ok=False, text=text)


async def _schema(connection: postgres.Connection) -> Finding:
    schema = await read_schema(connection)
    fault = schema.fault()
    if fault is None:
        oldest = f"; programs from version {schema.oldest_program} on may run"
        newer = f", newer than this program ({PROGRAM})" if schema.version > PROGRAM else ""
        return Finding("schema", ok=True, text=f"version {schema.version}{newer}{oldest}")
    names = [one.migration.name for one in await pending(connection, schema)]
    which = f" (pending: {', '.join(names)}; `migrate --plan` says what may run meanwhile)" if names else ""
    return Finding("schema", ok=False, text=f"{fault}{which}")


async def _brokers(settings: Settings) -> list[Finding]:
    try:
        async with (
            asyncio.timeout(_TIMEOUT_SECONDS),
            kafka.metadata_client(settings, "check") as client,
        ):
            present = await kafka.partitions_by_topic(client)
            brokers = len(client.cluster.brokers())
    except (KafkaError, OSError, TimeoutError) as error:
        return [Finding("brokers", ok=False, text=f"cannot be reached: {_line(error)}")]
    return [
        Finding("brokers", ok=True, text=f"{brokers} known"),
        *topic_findings(settings, present),
        *await _input_settings(settings, present),
    ]


async def _input_settings(settings: Settings, present: Mapping[str, int]) -> list[Finding]:
    """Return the findings on the settings of the input topics that are present."""
    names = [name for name in kafka.input_topics(settings) if name in present]
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            found = await read_topic_settings(settings, names)
    except (KafkaError, OSError, TimeoutError) as error:
        text = f"cannot be read: {_line(error)}"
        return [Finding("settings of input topics", ok=True, text=text, warning=True)]
    return [finding for name in names for finding in _setting_findings(name, found[name])]


def _setting_findings(name: str, found: TopicSettings | str) -> list[Finding]:
    """Return the warnings on one input topic. found: its settings, or why they cannot be read."""
    subject = f"settings of input topic {name}"
    if isinstance(found, str):
        text = f"cannot be read ({found}): allow DescribeConfigs on it to have them checked"
        return [Finding(subject, ok=True, text=text, warning=True)]
    warnings = []
    if found.compacted:
        warnings.append(
            "is compacted: of the events under one key Kafka removes all but the newest, read or not; set "
            "cleanup.policy=delete unless only the newest matters"
        )
    if found.max_ahead_ms is None:
        warnings.append("the broker cannot refuse records dated ahead of time: Kafka 3.6 and newer can")
    elif found.max_ahead_ms > MAX_AHEAD_MS:
        warnings.append(
            f"records dated more than an hour ahead are not refused: set {MAX_AHEAD}={MAX_AHEAD_MS}"
        )
    if not warnings:
        return [Finding(subject, ok=True, text="not compacted, timestamps at most one hour ahead")]
    return [Finding(subject, ok=True, text=text, warning=True) for text in warnings]


def topic_findings(settings: Settings, present: Mapping[str, int]) -> list[Finding]:
    """Return the findings on topics; present: the number of partitions of each topic of the cluster."""
    findings = []
    positions = () if settings.relay == "plain" else (POSITIONS_TOPIC,)
    for kind, names in (("input", settings.topics), ("output", OUTPUT_TOPICS), ("relay's", positions)):
        for name in map(settings.topic, names):
            text = f"{present[name]} partitions" if name in present else "is missing: run `engagement topics`"
            findings.append(Finding(f"{kind} topic {name}", name in present, text))
    counts = {name: present[name] for name in map(settings.topic, settings.topics) if name in present}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name} {count}" for name, count in counts.items())
        text = (
            f"differ ({listed}): results stay correct, but workers will wait for each other's contact locks"
        )
        findings.append(Finding("partitions of input topics", ok=False, text=text))
    elif counts:
        findings.append(Finding("partitions of input topics", ok=True, text="are equal"))
    if left_out := [name for name in INPUT_TOPICS if name not in settings.topics]:
        findings.append(Finding("topics", ok=True, text=f"not consumed: {', '.join(left_out)}"))
    return findings


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
