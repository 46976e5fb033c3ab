"""From the outbox in Postgres to Kafka, exactly once and in order. Layer: ingest | relay | scoring.

Read `relay.py` first, then `shard_publisher.py`: one shard's messages and its position, in one Kafka transaction.
"""
