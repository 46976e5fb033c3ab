"""Score profiles: weights, bounds and bands as drafts, previews of what a publish does, publishes and versions."""

from consumer.web.console.profiles.routes import ROUTES

__all__ = ["ROUTES"]
