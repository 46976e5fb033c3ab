"""`topics` creates what is missing and nothing else; `check` says everything that is wrong at once."""

from __future__ import annotations

import asyncio
import re
import time
from typing import TYPE_CHECKING

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import InvalidTimestampError

from consumer.__main__ import main
from consumer.cli.preflight import check
from consumer.demo.servers import EmbeddedBroker
from consumer.infra import kafka
from consumer.infra.kafka import topic_settings
from consumer.infra.kafka.create_topics import create_missing, planned_topics
from consumer.infra.kafka.topic_settings import MAX_AHEAD_MS, TopicSettings, read_topic_settings
from consumer.infra.settings import Settings
from schemas.vocabulary import (
    INPUT_TOPICS,
    MAX_SHARDS,
    OUTPUT_TOPICS,
    POSITIONS_TOPIC,
    SCORE_CHANGED_TOPIC,
    XP_CREDITED_TOPIC,
)
from tests.kafka.database_clock import set_database_clock_back
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.conftest import CreateTopics
    from tests.servers.broker import KafkaServer

ALL = [*INPUT_TOPICS, *OUTPUT_TOPICS, POSITIONS_TOPIC]
_PARTITIONS = {"input": 3, "output": 2, "relay's": MAX_SHARDS}


def _kind(name: str) -> str:
    return "input" if name in INPUT_TOPICS else "output" if name in OUTPUT_TOPICS else "relay's"


def _settings(
    kafka_server: KafkaServer, prefix: str, database: str = "postgresql://127.0.0.1:1/none"
) -> Settings:
    return Settings(
        database_url=database,
        kafka_bootstrap=kafka_server.bootstrap,
        topic_prefix=prefix,
        input_partitions=3,
        output_partitions=2,
    )


async def _present(settings: Settings) -> dict[str, int]:
    async with kafka.metadata_client(settings, "test") as client:
        return await kafka.partitions_by_topic(client)


@pytest.mark.real_kafka
async def test_missing_topics_are_created_and_others_left_alone(
    kafka_server: KafkaServer, topic_prefix: str, create_topics: CreateTopics
) -> None:
    """A topic that is there keeps its partitions; the others come with the settings'; the report says which."""
    settings = _settings(kafka_server, topic_prefix)
    await create_topics([settings.topic("deals")], partitions=5)
    results = {result.topic.removeprefix(topic_prefix): result for result in await create_missing(settings)}
    assert list(results) == ALL
    assert [name for name in ALL if not results[name].created] == ["deals"]
    assert (results["deals"].partitions, results["messages"].partitions) == (5, 3)
    assert all(result.error is None for result in results.values())

    wanted = {name: _PARTITIONS[_kind(name)] for name in ALL} | {"deals": 5}

    async def all_there() -> bool:
        present = await _present(settings)
        return {name: present.get(settings.topic(name)) for name in ALL} == wanted

    await eventually(all_there, within=10, what="all topics with their partitions")
    again = await create_missing(settings)
    assert not any(result.created for result in again)
    assert [result.partitions for result in again] == [result.partitions for result in results.values()]


@pytest.mark.real_kafka
async def test_only_scores_are_compacted(kafka_server: KafkaServer, topic_prefix: str) -> None:
    """score-changed keeps the newest message of each key for ever, the other outputs expire like any topic."""
    settings = _settings(kafka_server, topic_prefix)
    await create_missing(settings)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_server.bootstrap)
    await admin.start()
    try:

        async def policies() -> list[str]:
            names = (SCORE_CHANGED_TOPIC, XP_CREDITED_TOPIC)
            wanted = [ConfigResource(ConfigResourceType.TOPIC, settings.topic(name)) for name in names]
            (answer,) = await admin.describe_configs(wanted)
            # Unknown to the broker for a moment after the controller made it: without entries.
            return [
                dict(entry[:2] for entry in topic[4]).get("cleanup.policy", "") for topic in answer.resources
            ]

        async def known() -> list[str] | None:
            found = await policies()
            return found if all(found) else None

        found = await eventually(known, within=10, what="the broker knows its topics")
        assert found == ["compact", "delete"]
    finally:
        await admin.close()


@pytest.mark.real_kafka
async def test_input_topics_refuse_records_dated_ahead(kafka_server: KafkaServer, topic_prefix: str) -> None:
    """Input topics that `topics` creates take no record dated more than an hour ahead of the broker's clock."""
    settings = _settings(kafka_server, topic_prefix)
    await create_missing(settings)

    async def known() -> dict[str, TopicSettings | str] | None:
        found = await read_topic_settings(settings, kafka.input_topics(settings))
        return found if all(isinstance(one, TopicSettings) for one in found.values()) else None

    found = await eventually(known, within=10, what="the broker knows its topics")
    assert found == dict.fromkeys(
        kafka.input_topics(settings), TopicSettings(compacted=False, max_ahead_ms=MAX_AHEAD_MS)
    )
    now = int(time.time() * 1000)
    async with AIOKafkaProducer(bootstrap_servers=kafka_server.bootstrap) as producer:
        await producer.send_and_wait(settings.topic("deals"), b"{}", timestamp_ms=now + MAX_AHEAD_MS - 60_000)
        with pytest.raises(InvalidTimestampError):
            await producer.send_and_wait(
                settings.topic("deals"), b"{}", timestamp_ms=now + MAX_AHEAD_MS + 60_000
            )


@pytest.mark.real_kafka
async def test_topics_are_created_without_a_setting_that_the_broker_does_not_know(
    kafka_server: KafkaServer, topic_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that refuses the bound on timestamps, as those before 3.6 do, gets the same topics without it."""
    monkeypatch.setattr(topic_settings, "MAX_AHEAD", "message.timestamp.unknown.to.brokers")
    results = await create_missing(_settings(kafka_server, topic_prefix))
    assert [(result.topic, result.created, result.error) for result in results] == [
        (f"{topic_prefix}{name}", True, None) for name in ALL
    ]
    assert [result.partitions for result in results] == [_PARTITIONS[_kind(name)] for name in ALL]


@pytest.mark.real_kafka
async def test_settings_of_input_topics_are_compared(
    kafka_server: KafkaServer,
    topic_prefix: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    database: str,
) -> None:
    """`check` warns of compacted input topics and of timestamps without a bound; neither changes its exit code."""
    monkeypatch.setenv("ENGAGEMENT_DATABASE_URL", await _durable(database))
    monkeypatch.setenv("ENGAGEMENT_KAFKA_BOOTSTRAP", kafka_server.bootstrap)
    monkeypatch.setenv("ENGAGEMENT_TOPIC_PREFIX", topic_prefix)
    settings = _settings(kafka_server, topic_prefix)
    odd = {
        "deals": {"cleanup.policy": "compact,delete"},
        "emails": {"message.timestamp.after.max.ms": "86400000"},
        "sales": {"message.timestamp.after.max.ms": "86400000", "message.timestamp.type": "LogAppendTime"},
    }
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_server.bootstrap)
    await admin.start()
    try:
        await admin.create_topics(
            [NewTopic(settings.topic(name), 3, 1, topic_configs=configs) for name, configs in odd.items()]
        )
    finally:
        await admin.close()
    await create_missing(settings)
    await eventually(lambda: _no_topic_missing(capsys), within=10, what="check finds the topics")

    found = [one for one in await check(settings) if one.subject.startswith("settings of input topic ")]
    assert all(finding.ok for finding in found)
    warnings = {finding.subject.split(topic_prefix)[-1]: finding.text for finding in found if finding.warning}
    assert sorted(warnings) == ["deals", "emails"]
    assert warnings["deals"].startswith("is compacted")
    assert "set message.timestamp.after.max.ms=3600000" in warnings["emails"]
    await asyncio.to_thread(main, ["check"])
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("WARN ")] == [
        f"WARN  settings of input topic {topic_prefix}{name}: {warnings[name]}"
        for name in ("deals", "emails")
    ]


@pytest.mark.real_kafka
async def test_a_topic_that_cannot_be_created_is_reported(
    kafka_server: KafkaServer, topic_prefix: str
) -> None:
    """More replicas than brokers: each refusal is a result with its error, and the command ends with 1."""
    settings = _settings(kafka_server, topic_prefix).model_copy(update={"topic_replication": 9})
    results = await create_missing(settings)
    assert all(result.error and not result.created for result in results)
    assert "replication factor" in str(results[0].error).lower()


def test_replicas_are_three_or_as_many_as_there_are_brokers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a setting one broker gives 1 replica, five give 3; a setting holds whatever the cluster has."""
    monkeypatch.delenv("ENGAGEMENT_TOPIC_REPLICATION", raising=False)
    settings = Settings(database_url="postgresql://d/d", kafka_bootstrap="k:1")
    assert {topic.replication_factor for topic in planned_topics(settings, 1)} == {1}
    assert {topic.replication_factor for topic in planned_topics(settings, 5)} == {3}
    set_to_two = settings.model_copy(update={"topic_replication": 2})
    assert {topic.replication_factor for topic in planned_topics(set_to_two, 5)} == {2}


@pytest.mark.real_kafka
async def test_the_commands_agree(
    kafka_server: KafkaServer,
    topic_prefix: str,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On a bare cluster `check` ends with 1 and names each topic; after `topics` it ends with 0."""
    monkeypatch.setenv("ENGAGEMENT_DATABASE_URL", await _durable(database))
    monkeypatch.setenv("ENGAGEMENT_KAFKA_BOOTSTRAP", kafka_server.bootstrap)
    monkeypatch.setenv("ENGAGEMENT_TOPIC_PREFIX", topic_prefix)
    assert await asyncio.to_thread(main, ["check"]) == 1
    shown = capsys.readouterr()
    wrong = [line for line in shown.out.splitlines() if line.startswith("WRONG")]
    # The tests' own database may run without fsync.
    assert [line for line in wrong if " topic " in line] == [
        f"WRONG {_kind(name)} topic {topic_prefix}{name}: is missing: run `engagement topics`" for name in ALL
    ]
    assert shown.err.startswith("engagement check: ")
    assert await asyncio.to_thread(main, ["topics"]) == 0
    created = capsys.readouterr().out.splitlines()
    assert created == [
        f"{topic_prefix}{name}: created, {MAX_SHARDS if name == POSITIONS_TOPIC else 12} partitions"
        for name in ALL
    ]
    await eventually(lambda: _no_topic_missing(capsys), within=10, what="check finds the topics")


async def _no_topic_missing(capsys: pytest.CaptureFixture[str]) -> bool:
    code = await asyncio.to_thread(main, ["check"])
    shown = capsys.readouterr()
    wrong = [line for line in shown.out.splitlines() if line.startswith("WRONG") and " fsync" not in line]
    assert code == (1 if "WRONG fsync" in shown.out else 0)
    return not wrong


async def _durable(database: str) -> str:
    connection = await asyncpg.connect(database)
    name = await connection.fetchval("select current_database()")
    await connection.execute(f'alter database "{name}" set synchronous_commit = on')
    await connection.close()
    return database


@pytest.mark.real_kafka
async def test_partition_counts_that_differ_are_reported(
    kafka_server: KafkaServer, topic_prefix: str, create_topics: CreateTopics
) -> None:
    """Input topics that are not cut alike are wrong: workers would wait for each other's contacts."""
    settings = _settings(kafka_server, topic_prefix)
    await create_topics([settings.topic("deals")], partitions=5)
    await create_topics([settings.topic("emails")], partitions=4)
    found = {finding.subject: finding for finding in await check(settings)}
    assert not found["partitions of input topics"].ok
    assert f"{topic_prefix}deals 5, {topic_prefix}emails 4" in found["partitions of input topics"].text


async def test_looking_creates_nothing(database: str) -> None:
    """On a broker that creates what it is asked for, neither `check` nor `topics`' look creates a topic."""
    with EmbeddedBroker() as broker:
        broker.create_topic("deals", 2)
        settings = Settings(database_url=database, kafka_bootstrap=broker.bootstrap)
        found = await check(settings)
        assert await _present(settings) == {"deals": 2}
    assert [finding.ok for finding in found if finding.subject.startswith("input topic")].count(True) == 1
    assert any(finding.subject == "schema" and finding.ok for finding in found)


async def test_everything_wrong_is_reported_at_once(empty_database: str) -> None:
    """No schema, commits that may be lost and no broker: all in one list, with what is well."""
    connection = await asyncpg.connect(empty_database)
    name = await connection.fetchval("select current_database()")
    await connection.execute(f'alter database "{name}" set synchronous_commit = off')
    await connection.close()
    settings = Settings(database_url=empty_database, kafka_bootstrap="127.0.0.1:1")
    found = {finding.subject: finding for finding in await check(settings)}
    assert found["settings"].ok
    assert found["database"].ok
    assert found["schema"].text == "the database has no schema: run `engagement migrate`"
    assert not found["synchronous_commit"].ok
    assert not found["brokers"].ok
    assert "cannot be reached" in found["brokers"].text


async def test_a_clock_that_differs_is_reported(database: str) -> None:
    """A clock that differs from the database's by more than a minute is wrong, and the line says how much."""
    settings = Settings(database_url=database, kafka_bootstrap="127.0.0.1:1")
    assert {finding.subject: finding for finding in await check(settings)}["clock"].ok
    await set_database_clock_back(database, "2 hours")
    found = {finding.subject: finding for finding in await check(settings)}["clock"]
    assert not found.ok
    assert re.fullmatch(r"of this machine is 72\d\d s ahead of the database's: synchronise both", found.text)


async def test_a_schema_of_another_version_is_reported(database: str) -> None:
    """A schema that is newer than the program is wrong, and the advice is to upgrade the program."""
    connection = await asyncpg.connect(database)
    await connection.execute("update installation set schema_version = 999")
    await connection.close()
    settings = Settings(database_url=database, kafka_bootstrap="127.0.0.1:1")
    found = {finding.subject: finding for finding in await check(settings)}
    assert not found["schema"].ok
    assert "upgrade the program" in found["schema"].text
