"""Accounts and their catalogs: the document that describes one, and the snapshot that events are matched by.

    text ──► parse ──► Document ──► merge with what is stored ──► diff, or apply ──► revision raised
                                                                                         │
    events ──► match ◄── Catalog ◄── load ◄──────────────────────────────────────────────┘

Owns everything about configuration. Never touches what has happened: timeline, tallies, messages.
"""

from consumer.catalog.apply import apply, read_document
from consumer.catalog.differences import Difference, diff
from consumer.catalog.document import Document, account_of, parse
from consumer.catalog.export import export
from consumer.catalog.faults import DocumentFaultsError, Fault
from consumer.catalog.snapshot import Account, Catalog, Definition, load, match

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
