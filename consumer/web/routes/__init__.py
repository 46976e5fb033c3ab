"""The routes, one module for each concern; each has a `router`, and its prefix in full.

Owns which there are. A route names its permission by the type of its first parameter (auth.py), and the table of
tests/web/test_permissions.py names every route once more.
"""

from consumer.web.routes import accounts, audit, definitions, groups, inbox, trial

ROUTERS = (
    accounts.router,
    accounts.own,
    groups.router,
    definitions.router,
    trial.router,
    inbox.router,
    audit.router,
)
