"""Health, for those who operate the service: lag, lanes, processes, dead letters. Read `routes.py` first."""

from consumer.web.console.health.routes import ROUTES

__all__ = ["ROUTES"]
