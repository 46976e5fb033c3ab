"""From Kafka records to one committed batch: the path that every event takes. Layer: ingest | relay | scoring.

    source ─► decode ─► skip processed ─► triage ─►┌─ one transaction ────────────────────────────────────┐
    Kafka     CloudEvents   lanes         catalog  │ revision → fence → claim → contacts → dead → apply   │─► commit
                                                   └──────────────────────────────────────────────────────┘

Read `batch_processor.py` first: the transaction, and what becomes of its errors. `pipeline.py` is the loop around
it, `assignment.py` says which lanes it reads, `apply.py` and sql/queries/apply.sql judge and score.
"""
