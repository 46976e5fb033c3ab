"""Reads the catalog document: YAML or JSON in, a CatalogDocument or faults with their lines out. Pure.

Layer: catalog. Read `parse.py` first, then `model.py`, its result. catalog/merge.py applies it to an account.
"""
