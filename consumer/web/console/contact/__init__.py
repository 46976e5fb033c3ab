"""One contact: scores, what they are made of, and the timeline."""

from consumer.web.console.contact.routes import ROUTES

__all__ = ["ROUTES"]
