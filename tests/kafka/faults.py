"""Faults of a fleet: each function causes one and repairs only what would not recover by itself.

Owns the kinds of faults and how often each is drawn. Never judges what became of it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg

from tests.waiting import eventually

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable

    from tests.kafka.fleet import Fleet

    Fault = Callable[[Fleet, random.Random], Awaitable[None]]

# Seconds that every piece of data is late for a while.
_LATE = 0.15
_FOR_A_WHILE = 1.5


async def kill_worker(fleet: Fleet, chance: random.Random) -> None:
    """Kill a worker with kill -9, relay and all."""
    victim = chance.choice(fleet.workers)
    victim.kill()
    fleet.replace(victim)


async def kill_relay(fleet: Fleet, chance: random.Random) -> None:
    """Kill the process that only publishes with kill -9."""
    victim = chance.choice(fleet.relays)
    victim.kill()
    fleet.replace(victim)


async def kill_everybody(fleet: Fleet, _chance: random.Random) -> None:
    """Kill every process with kill -9."""
    victims = [*fleet.workers, *fleet.relays]
    for victim in victims:
        victim.kill()
    for victim in victims:
        fleet.replace(victim)


async def freeze_worker(fleet: Fleet, chance: random.Random) -> None:
    """Stop a worker with SIGSTOP until others have everything of it, and let it go on with what it believes."""
    victim = chance.choice(fleet.workers)
    victim.freeze()
    await fleet.nothing_held_by(victim)
    victim.thaw()


async def terminate_worker(fleet: Fleet, chance: random.Random) -> None:
    """End a worker with SIGTERM in the middle of its work.

    A program that is only being loaded ends by the signal itself, so the worker has logged something.
    """
    victim = chance.choice(fleet.workers)
    await eventually(victim.lines, within=30, what="the worker to have begun")
    await victim.terminate(within=10)
    fleet.replace(victim)


async def restart_postgres(fleet: Fleet, _chance: random.Random) -> None:
    """Restart Postgres with `immediate`, as after a crash."""
    await fleet.postgres.restart(immediate=True)


async def kill_broker(fleet: Fleet, _chance: random.Random) -> None:
    """Kill the broker with kill -9 and start it again."""
    await fleet.kafka.kill()
    await fleet.kafka.start()


async def cut_postgres(fleet: Fleet, _chance: random.Random) -> None:
    """Reset all connections to Postgres."""
    assert fleet.postgres_proxy.cut() > 0


async def cut_kafka(fleet: Fleet, _chance: random.Random) -> None:
    """Reset all connections to Kafka."""
    assert fleet.kafka_proxy.cut() > 0


async def delay_everything(fleet: Fleet, _chance: random.Random) -> None:
    """Let everything to and from both servers be late for a while, and reset the connections in the midst of it."""
    proxies = (fleet.postgres_proxy, fleet.kafka_proxy)
    for proxy in proxies:
        proxy.delay = _LATE
    await asyncio.sleep(_FOR_A_WHILE)  # the fault itself, not a wait for anything
    for proxy in proxies:
        proxy.cut()
        proxy.delay = 0.0


async def move_slices(fleet: Fleet, _chance: random.Random) -> None:
    """Take all slices away from their holders in the middle of their batches, for others to claim."""
    connection = await asyncpg.connect(fleet.direct.dsn)
    try:
        await connection.execute(
            "update slices set worker_id = null, pipeline = null, epoch = epoch + 1 where worker_id is not null"
        )

        async def claimed() -> bool:
            return not await connection.fetchval("select count(*) from slices where worker_id is null")

        await eventually(claimed, within=30, what="all slices to be claimed")
    finally:
        await connection.close()


# How often each is made to happen: in the suite that always runs, and in the long one.
KINDS: dict[Fault, tuple[int, int]] = {
    kill_worker: (9, 70),
    kill_relay: (3, 30),
    kill_everybody: (2, 5),
    freeze_worker: (1, 8),
    terminate_worker: (1, 10),
    restart_postgres: (2, 8),
    kill_broker: (1, 6),
    cut_postgres: (1, 6),
    cut_kafka: (1, 6),
    delay_everything: (1, 5),
    move_slices: (1, 10),
}


def draw(chance: random.Random, *, long: bool) -> list[Fault]:
    """Return the faults in the order in which they are to happen."""
    drawn = [kind for kind, numbers in KINDS.items() for _ in range(numbers[long])]
    chance.shuffle(drawn)
    return drawn
