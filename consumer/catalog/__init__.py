"""Accounts and their catalogs: the document that describes one, and the snapshot that events are matched by.

    text ──► parse ──► Document ──► merge with what is stored ──► diff, or apply ──► revision raised
                                                                                         │
    events ──► match ◄── Catalog ◄── load ◄──────────────────────────────────────────────┘

Owns everything about configuration. Never touches what has happened: timeline, tallies, messages.
"""

from consumer.catalog.apply import apply_document, parse_against_stored
from consumer.catalog.diff import Difference, diff_document
from consumer.catalog.document.faults import DocumentFaultsError, Fault
from consumer.catalog.document.model import CatalogDocument
from consumer.catalog.document.parse import account_named_in, parse_document
from consumer.catalog.export import export_document
from consumer.catalog.matching import AccountSnapshot, ActiveDefinition, CatalogSnapshot, load_snapshot, match

__all__ = [
    "AccountSnapshot",
    "ActiveDefinition",
    "CatalogDocument",
    "CatalogSnapshot",
    "Difference",
    "DocumentFaultsError",
    "Fault",
    "account_named_in",
    "apply_document",
    "diff_document",
    "export_document",
    "load_snapshot",
    "match",
    "parse_against_stored",
    "parse_document",
]
