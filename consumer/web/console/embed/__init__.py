"""What host products show of a contact in their own pages: a panel for a frame, and a badge, an image."""

from consumer.web.console.embed.routes import ROUTES

__all__ = ["ROUTES"]
