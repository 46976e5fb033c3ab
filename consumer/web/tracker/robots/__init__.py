"""Recognises requests of robots, by rules that are data: catalogs/robots.yaml, or a file of the operator's.

`rules.py` looks at one request, `mail_scans.py` at the last few of a mail. A robot's event is recorded with the
mark `robot`, never dropped.
"""
