"""An account's configuration as plain values: definitions, conditions, profile versions. Layer: catalog. Pure.

Read `account.py` first. Nothing here reads a document or a database.
"""
