"""Checks that everything the service needs is there and correct; reports all findings, and changes nothing.

Never asks a broker for a topic by name: some brokers create a topic that is asked for.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg
from aiokafka.errors import KafkaError

from consumer.infra import kafka, postgres
from consumer.infra.postgres import schema_version
from consumer.infra.settings import SettingsError
from schemas.vocabulary import INPUT_TOPICS, OUTPUT_TOPICS, POSITIONS_TOPIC

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.infra.settings import Settings

_TIMEOUT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check; text: one line, with what to do if it is not ok."""

    subject: str
    ok: bool
    text: str


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
    recovering = await connection.fetchval("select pg_is_in_recovery()")
    if recovering:
        findings.append(Finding("database", ok=False, text="is a standby: nothing can be written to it"))
    return findings


async def _schema(connection: postgres.Connection) -> Finding:
    version = await schema_version.schema_version(connection)
    if version == schema_version.NEWEST:
        return Finding("schema", ok=True, text=f"version {version}")
    return Finding("schema", ok=False, text=schema_version.explain_version(version))


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
    return [Finding("brokers", ok=True, text=f"{brokers} known"), *topic_findings(settings, present)]


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
