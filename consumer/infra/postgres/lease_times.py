"""How long leases of slices (lanes/slice_leases.py) and shards (relay/shard_leases.py) last in Postgres."""

from __future__ import annotations

# Seconds. A lease lasts a dozen heartbeats; a killed process is replaced well within ten seconds.
LEASE = 6.0
# A holder stops relying on its leases this long before they run out, by its own clock.
MARGIN = 1.0
# A holder whose heartbeat is later than this counts as alive only while its connection exists: a killed process has
# none.
LATE = 1.2
