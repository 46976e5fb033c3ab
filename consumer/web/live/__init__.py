"""Events for clients that stay connected: score changes from the outbox, progress of jobs. Layer: web.

Read `feed.py` first: one reader for all clients of a process. Then `listener.py`: what one client is still to get.
"""
