"""The routes under `/v1` by resource, each package with its request and response models. Layer: web.

Read `contacts/contacts.py` first; docs/api.md describes the routes for clients.
"""
