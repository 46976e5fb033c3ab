"""Stored dead letters: listing, showing, discarding, and replaying them through the path. Layer: ingest.

Read `replay.py` first; `browse.py` lists, selects and discards for the commands.
"""
