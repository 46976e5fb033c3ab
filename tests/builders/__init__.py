"""Builders shared by tests: events, records, catalog documents."""
