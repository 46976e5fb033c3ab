"""Routes of configuration: accounts, groups, definitions, unmatched events, rejudgements, audit. Layer: web.

Read `edit.py` first: how every change is made, under its ETag and on the audit trail.
"""
