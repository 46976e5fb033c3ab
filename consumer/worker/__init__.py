"""The worker process: pipelines, relay, background jobs and maintenance put together. Layer: worker | web.

Read `app.py` first: what starts, in which order, and what SIGTERM does. `supervisor.py` runs several such processes
as one worker.
"""
