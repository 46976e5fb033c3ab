"""Routes of score profiles: drafts, previews, publishes, versions. Layer: web.

Read `profiles.py` first, then `publishes.py`.
"""
