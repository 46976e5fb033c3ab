"""Stored dead letters: listing, showing, discarding, and replaying them through the path. Layer: ingest.

Read `replay.py` first; `browse.py` is what commands print.
"""
