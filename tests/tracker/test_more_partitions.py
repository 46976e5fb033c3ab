"""The topic `tracked` grows while the tracker runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from consumer.web.tracker import kafka_writer
from tests.tracker.site import serving
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.kafka.installation import Installation

pytestmark = pytest.mark.real_kafka


async def test_new_partitions_are_used(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Partitions that are added get events soon, without a restart, and every event is still there."""
    monkeypatch.setattr(kafka_writer, "_TOPIC_SECONDS", 0.3)
    await installation.create_topics(1)
    async with serving(installation) as site:
        await eventually(site.health.ready, within=20, what="the tracker to be ready")
        token = await site.token()
        admin = AIOKafkaAdminClient(bootstrap_servers=installation.bootstrap)
        await admin.start()
        try:
            await admin.create_partitions({f"{installation.prefix}tracked": NewPartitions(3)})
        finally:
            await admin.close()
        sent = 0

        async def on_all_of_them() -> bool:
            nonlocal sent
            calls = [{"type": "page", "userId": f"contact-{number}"} for number in range(20)]
            assert (await site.post(token, "batch", {"batch": calls})).json()["accepted"] == len(calls)
            sent += len(calls)
            return {record.partition for record in await installation.read("tracked")} == {0, 1, 2}

        await eventually(on_all_of_them, within=20, every=0.2, what="events on all partitions")
        assert len(await site.events(token.account)) == sent
