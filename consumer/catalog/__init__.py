"""What an account configures: the catalog document, its stored form, and the snapshot that matches events.

    text ──► parse ──► CatalogDocument ──► merge with the stored account ──► diff, or apply ──► revision raised
                                                                                                     │
    events ──► match ◄── CatalogSnapshot ◄── load ◄──────────────────────────────────────────────────┘

Layer: catalog, above infra; `model` ← `document` ← the rest. Read `model/account.py` first, then `change.py`: every
change of configuration goes through it. Nothing here touches timelines, tallies or messages.
"""

from consumer.catalog.apply import apply_document, parse_against_stored
from consumer.catalog.diff import Difference, diff_document
from consumer.catalog.document.faults import DocumentFaultsError, Fault
from consumer.catalog.document.model import CatalogDocument
from consumer.catalog.document.parse import parse_document
from consumer.catalog.export import export_document
from consumer.catalog.matching import AccountSnapshot, ActiveDefinition, CatalogSnapshot, load_snapshot, match
from consumer.catalog.model.limits import DEFAULT_LIMITS, CatalogLimits

__all__ = [
    "DEFAULT_LIMITS",
    "AccountSnapshot",
    "ActiveDefinition",
    "CatalogDocument",
    "CatalogLimits",
    "CatalogSnapshot",
    "Difference",
    "DocumentFaultsError",
    "Fault",
    "apply_document",
    "diff_document",
    "export_document",
    "load_snapshot",
    "match",
    "parse_against_stored",
    "parse_document",
]
