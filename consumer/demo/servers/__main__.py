"""`python -m consumer.demo.servers`: the embedded servers alone, to try the service without installing any.

Prints the settings that lead to them as shell exports, in one write, once both are ready. SIGINT or SIGTERM stops
them; everything in them is gone then.
"""

from __future__ import annotations

import asyncio
import signal
import sys

from consumer.demo.servers import EmbeddedBroker, EmbeddedPostgres, missing_packages
from schemas.vocabulary import INPUT_TOPICS, OUTPUT_TOPICS

PARTITIONS = 4


async def serve() -> None:
    """Serve both until a signal comes, with the topics that the admin protocol of this broker cannot create."""
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    with EmbeddedBroker() as broker:
        for topic in (*INPUT_TOPICS, *OUTPUT_TOPICS):
            broker.create_topic(topic, PARTITIONS)
        async with EmbeddedPostgres() as postgres:
            sys.stdout.write(
                f"export ENGAGEMENT_DATABASE_URL={postgres.dsn}\n"
                f"export ENGAGEMENT_KAFKA_BOOTSTRAP={broker.bootstrap}\n"
                "export ENGAGEMENT_RELAY=plain # this broker has no transactions\n"
            )
            sys.stdout.flush()
            await stopping.wait()


if __name__ == "__main__":
    if missing := missing_packages():
        sys.exit(f"{' and '.join(missing)} not installed: pip install '.[demo]'")
    asyncio.run(serve())
