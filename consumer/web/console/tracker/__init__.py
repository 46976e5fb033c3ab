"""The tracker: tokens, what to put into sites and e-mails, and what arrives. Read `routes.py` first."""

from consumer.web.console.tracker.routes import ROUTES

__all__ = ["ROUTES"]
