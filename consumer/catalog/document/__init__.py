"""The catalog document: YAML or JSON in, values or faults with their lines out. Layer: catalog. Pure.

Read `parse.py` first; `model.py` is what comes out. What the document means for a stored account is decided above,
in `catalog/merge.py`.
"""
