"""What is stored of contacts and changes only under their locks: dedup keys, entries, scores; and their messages.

    judge ─► dedup_keys, timeline_entries ─► scores ─► messages ─► outbox

Layer: contact_state, below ingest and scoring, which hold the locks and decide what changes. Read `scores.py`
first: every change of points goes through it, but for publishes, which build whole versions in SQL
(sql/queries/publish.sql).
"""
