"""Routes of contacts: lists, scores, timelines, explanations, adjustments, segments. Layer: web.

Read `list_query.py` first: pages of contacts by score, or (`recent_contacts.py`) by last event.
"""
