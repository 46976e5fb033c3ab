"""Activity: jobs that run in the background, and who changed what. Read `routes.py` first."""

from consumer.web.console.activity.routes import ROUTES

__all__ = ["ROUTES"]
