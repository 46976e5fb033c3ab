"""Routes of configuration: accounts, groups, definitions, unmatched events, rejudgements, audit. Layer: web.

Read `edit.py` first: every change goes through it, and so into the audit trail.
"""
