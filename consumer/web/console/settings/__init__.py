"""Settings of an account: its modules, retention and webhooks, and who may do what. Read `routes.py` first."""

from consumer.web.console.settings.routes import ROUTES

__all__ = ["ROUTES"]
