"""Mutants of the relay and of the supervisor."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Mutant

MUTANTS = (
    # The relay
    Mutant(
        "shards-change-undrained",
        breaks="the number of shards changes while messages of the old shards are not published",
        test="tests/kafka/test_change_shards.py::test_shards_change_while_batches_are_committed",
        edits=(
            Edit(
                "consumer/relay/change_shards.py",
                old='while not await connection.fetchval(_SQL["is_drained"]):',
                new="while False:",
            ),
        ),
    ),
    Mutant(
        "floor-ignored",
        breaks="where Kafka knows no position a shard begins at 0, not at its floor",
        test="tests/kafka/test_relay.py::test_the_floor_stands_in_for_a_position_that_kafka_forgot",
        edits=(
            Edit(
                "consumer/relay/shard_publisher.py",
                old='self._position = PublishedPosition(self._floor, state["incarnation"])\n            return\n',
                new='self._position = PublishedPosition(0, state["incarnation"])\n            return\n',
            ),
        ),
    ),
    Mutant(
        "floor-before-messages",
        breaks="the floor is raised to messages that are still being sent",
        test="tests/pipeline/test_floor.py::test_the_floor_stays_where_sending_fails",
        edits=(
            Edit(
                "consumer/relay/shard_publisher.py",
                old="asyncio.create_task(self._raise_floor(connection, before))",
                new="asyncio.create_task(self._raise_floor(connection, position))",
            ),
        ),
    ),
    Mutant(
        "commit-before-writes",
        breaks="what a small batch writes follows its commit",
        test="tests/postgres/test_writes.py::test_all_of_it_or_nothing",
        edits=(
            Edit(
                "consumer/infra/postgres/writes.py",
                old="[*self._calls, *([last] if last else [])]",
                new="[*([last] if last else []), *self._calls]",
            ),
        ),
    ),
    Mutant(
        "position-read-before-start",
        breaks="the position is read before older publishers are fenced",
        test="tests/kafka/test_transactional_publisher.py::test_the_position_is_read_last",
        edits=(
            Edit(
                "consumer/relay/plain_publisher.py",
                old="                await kafka.start_client(producer)\n",
                new="                await producer.client.bootstrap()\n"
                "                early = await self._read_position(producer)\n"
                "                await kafka.start_client(producer)\n",
            ),
            Edit(
                "consumer/relay/plain_publisher.py",
                old="                position = await self._read_position(producer)\n",
                new="                position = early\n",
            ),
        ),
    ),
    # Several processes
    Mutant(
        "ended-process-uncounted",
        breaks="what a process counted is gone when it ends: counters fall",
        test="tests/unit/test_merged_metrics.py::test_counters_never_fall",
        edits=(
            Edit(
                "consumer/infra/telemetry/merged_metrics.py",
                old="self._counted[number] = self._exported[number] = _lasting(self._exported.get(number, []))",
                new="self._exported.pop(number, None)",
            ),
        ),
    ),
)
