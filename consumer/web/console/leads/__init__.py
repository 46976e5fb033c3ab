"""The list of leads: who is hot, and why one is on the list."""

from consumer.web.console.leads.routes import ROUTES

__all__ = ["ROUTES"]
