"""Databases of older schema versions, as they were left by the program of their time.

`history.py` is what happens in such a database, `make.py` writes it down as `<version>.sql`.
"""
