"""Builders shared by tests: catalog documents, events, events encoded as Kafka records, and lanes."""
