"""The oracle: the plainest possible reading of docs/semantics.md, by which the service is judged.

Owns a second, independent account of every rule: records and catalog documents in; outcomes, verdicts,
tallies, scores and messages out. Never imports anything of the product, knows no SQL, keeps no gates and no
running totals: it remembers every entry and judges whole keys from scratch at every commit. The order in
which to read it is the order in which data meets it: decode (with fields), catalog, match, judge, oracle
(with messages and expected).

It does not know what only the bytes of a record show (`too_large`, a mode, `refused_by_database`),
joins and deletions of contacts (§8: their records are taken as `contact`, without consequences), adjustments,
the purge, and the end of the window in which an event key is remembered.
"""

from tests.oracle.decode import NULL, OracleRecord, event_key
from tests.oracle.expected import as_expected, crossing
from tests.oracle.fields import parse_time
from tests.oracle.messages import BandChanged, Cause, ScoreChanged, Tombstone, XpCredited
from tests.oracle.oracle import Oracle

__all__ = [
    "NULL",
    "BandChanged",
    "Cause",
    "Oracle",
    "OracleRecord",
    "ScoreChanged",
    "Tombstone",
    "XpCredited",
    "as_expected",
    "crossing",
    "event_key",
    "parse_time",
]
