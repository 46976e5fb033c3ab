"""Segments: saved conditions on contacts, how many fit them, and who."""

from consumer.web.console.segments.routes import ROUTES

__all__ = ["ROUTES"]
