"""Backfill: events beside the lanes, from elsewhere or from the input topics again (semantics §9). Layer: ingest.

    files, topics ─► events ─► sorted by contact ─► batches of OutsideLanes, with pauses

Read `run.py` first. `from_files.py` (`read_lines.py`, `dated_event.py`) and `from_topics.py` find the events,
`sorted_events.py` sorts them. Those that are requested over HTTP: `requests.py` begins them, `steps.py` takes the
steps that a worker carries them out by.
"""
