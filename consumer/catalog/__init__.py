"""Accounts and their catalogs: the document that describes one, and the snapshot that events are matched by.

    text ──► parse ──► Document ──► merge with what is stored ──► diff, or apply ──► revision raised
                                                                                         │
    events ──► match ◄── Catalog ◄── load ◄──────────────────────────────────────────────┘

Owns everything about configuration. Never touches what has happened: timeline, tallies, messages.
"""

from consumer.catalog.apply_document import apply, read_document
from consumer.catalog.diff import Difference, diff
from consumer.catalog.document.faults import DocumentFaultsError, Fault
from consumer.catalog.document.model import Document
from consumer.catalog.document.parse import account_of, parse
from consumer.catalog.export import export
from consumer.catalog.matching import Account, Catalog, Definition, load, match

__all__ = [
    "Account",
    "Catalog",
    "Definition",
    "Difference",
    "Document",
    "DocumentFaultsError",
    "Fault",
    "account_of",
    "apply",
    "diff",
    "export",
    "load",
    "match",
    "parse",
    "read_document",
]
