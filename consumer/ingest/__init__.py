"""From Kafka records to one committed batch: the path that every event takes. Layer: ingest | relay | scoring.

    source ─► decode ─► skip processed ─► triage ─►┌─ one transaction ────────────────────────────────────┐
    Kafka     CloudEvents   lanes         catalog  │ revision → fence → claim → contacts → judge → score  │─► commit
                                                   └──────────────────────────────────────────────────────┘

Read `batch_processor.py` first: the transaction, and what becomes of its errors. `pipeline.py` is the loop around
it, `assignment.py` says which lanes it reads. `apply.py` calls the steps after `fence.py`: `claim_events.py`,
`lock_contacts.py`, `judge_entries.py` (the rule itself is in domain/), `score_changes.py`.
"""
