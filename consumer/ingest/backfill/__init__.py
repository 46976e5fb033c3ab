"""Backfill: history from elsewhere, brought beside the lanes (semantics §9). Layer: ingest.

    files ─► lines ─► events ─► sorted by contact ─► batches of OutsideLanes, with pauses

Read `run.py` first; `read_lines.py` and `dated_event.py` make events of files, `sorted_events.py` sorts them.
"""
