"""Recognises a robot's request by its user agent and its address. Pure."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from crawleruseragents import is_crawler

if TYPE_CHECKING:
    from collections.abc import Sequence

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

# The name of the rule where the package knows a user agent.
CRAWLER = "crawler"

# User agents, and addresses, of which the answer is kept: the list of crawlers takes a quarter of a millisecond.
_KEPT = 8192


@dataclass(frozen=True, slots=True)
class Rule:
    """What one kind of requests has in common. contained: in lower case. exactly: whole user agents."""

    name: str
    contained: tuple[str, ...] = ()
    exactly: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    def matches_user_agent(self, user_agent: str) -> bool:
        """Return whether a user agent is one that the rule names; '' is that of a request without one."""
        lower = user_agent.lower()
        return user_agent in self.exactly or any(text in lower for text in self.contained)

    def matches_address(self, address: str) -> bool:
        """Return whether an address lies in one of the rule's networks; what is no address lies in none."""
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
        return any((mapped or parsed) in network for network in self.networks)


class Robots:
    """All rules. people: exceptions from the others. knows_crawlers: the package's list counts too."""

    def __init__(self, robots: Sequence[Rule], people: Sequence[Rule], *, knows_crawlers: bool) -> None:
        self.robots = tuple(robots)
        self.people = tuple(people)
        self.knows_crawlers = knows_crawlers
        self._is_person = lru_cache(_KEPT)(self._find_person)
        self._user_agent_rule = lru_cache(_KEPT)(self._find_user_agent_rule)
        self._address_rule = lru_cache(_KEPT)(self._find_address_rule)

    def rule_of(self, user_agent: str | None, address: str | None) -> str | None:
        """Return the name of the rule that a robot's request matches, None for a person's.

        user_agent: '' where a browser or a mail program sent none; None: it is not known. address: likewise.
        """
        if user_agent is not None:
            if self._is_person(user_agent):
                return None
            if rule := self._user_agent_rule(user_agent):
                return rule
        return None if address is None else self._address_rule(address)

    def _find_person(self, user_agent: str) -> bool:
        return any(rule.matches_user_agent(user_agent) for rule in self.people)

    def _find_user_agent_rule(self, user_agent: str) -> str | None:
        for rule in self.robots:
            if rule.matches_user_agent(user_agent):
                return rule.name
        return CRAWLER if self.knows_crawlers and is_crawler(user_agent) else None

    def _find_address_rule(self, address: str) -> str | None:
        return next((rule.name for rule in self.robots if rule.matches_address(address)), None)
