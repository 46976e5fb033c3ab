"""The catalog: which events count, for how many points and how often; groups; and events that nothing takes."""

from consumer.web.console.catalog.routes import ROUTES

__all__ = ["ROUTES"]
