"""Bodies of tracking calls, in the format of Segment's HTTP tracking API, become events, or refusals. Pure.

Read `body.py` (what a caller wrote), then `records.py` (which events it makes: docs/semantics.md §10).
"""
