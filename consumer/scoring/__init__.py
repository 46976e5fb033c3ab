"""Score changes that no event brings: publishes, rejudgements, adjustments; verify. Beside ingest and relay.

Read `announce.py` first: each of them ends in its score-changed messages.
"""
