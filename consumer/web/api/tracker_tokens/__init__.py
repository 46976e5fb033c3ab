"""Tokens of the public tracker: their settings, keys and signed links. Layer: web.

Routes only store what tokens may do; the tracker's processes see it within a second (consumer/web/tracker).
"""
