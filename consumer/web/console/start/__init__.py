"""From an empty account to the first hot lead: a checklist, the starting catalog, and sample data."""

from consumer.web.console.start.routes import ROUTES

__all__ = ["ROUTES"]
