"""Finds environment variables that begin like a setting and are none: a misspelt setting must not be ignored."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# Variables with our prefix that are no settings of the program: of the test suite, and of docker-compose.yml.
_FOREIGN = ("TEST_", "COMPOSE_")
# Kubernetes sets these in every pod for each Service whose name begins with "engagement"; …_PORT is recognised by
# its value, because it may also be a misspelt setting. A Service named "engagement-http" would set the variable
# ENGAGEMENT_HTTP_PORT: set it in the pod as well, which takes precedence.
_SERVICE_VARIABLE = re.compile(
    r"(\w+_)?(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
_SERVICE_LINK = re.compile(r"(tcp|udp|sctp)://.*")


def unknown_variables(environment: Mapping[str, str], prefix: str, settings: Iterable[str]) -> list[str]:
    """Return a fault for each variable with the prefix that is no setting; empty ones count as not set.

    Case does not matter, as for pydantic.
    """
    known = {name.upper() for name in settings}
    faults = []
    for name, value in sorted((name.upper(), value) for name, value in environment.items()):
        suffix = name.removeprefix(prefix)
        if suffix == name or not value or suffix in known or _is_foreign(suffix, value):
            continue
        similar = get_close_matches(suffix, known, n=1)
        advice = f"did you mean {prefix}{similar[0]}?" if similar else "the README lists all settings"
        faults.append(f"{name} is not a setting: {advice}")
    return faults


def _is_foreign(suffix: str, value: str) -> bool:
    return (
        suffix.startswith(_FOREIGN)
        or _SERVICE_VARIABLE.fullmatch(suffix) is not None
        or (suffix.endswith("PORT") and _SERVICE_LINK.fullmatch(value) is not None)
    )
