"""Score changes that no event brings (publish, rejudgement, adjustment, republish), segments, and verify.

Layer: beside ingest and relay. Read `announce.py` first: each score change ends in its score-changed messages.
"""
