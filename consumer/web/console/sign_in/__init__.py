"""Signing in and out: a token begins a session."""

from consumer.web.console.sign_in.routes import ROUTES

__all__ = ["ROUTES"]
