"""The routes under `/v1`, by resource, each beside the shapes of its requests and answers. Layer: web.

Read `contacts/contacts.py` first; docs/api.md is the same for callers.
"""
