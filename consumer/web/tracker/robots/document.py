"""Reads the rules from their file, and tries each on the examples that it has there."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import catalogs
from consumer.catalog import DocumentFaultsError
from consumer.catalog.document.fields import KEY, KEY_FORM, Fields, describe_node, quoted
from consumer.catalog.document.yaml_nodes import ScalarNode, compose_yaml, line_of, scalar_value
from consumer.web.tracker.robots.rules import CRAWLER, Robots, Rule

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from consumer.catalog import Fault

_SECTIONS: Final = ("engagement_robots", "crawlers", "mail_scans", "people", "robots")
_FIELDS: Final = ("name", "user_agents", "exactly", "networks", "catches", "passes")
_LEAST_LINKS: Final = 2
_MOST_LINKS: Final = 100
_LONGEST_DAYS: Final = 1
_LONGEST_TEXT: Final = 512


@dataclass(frozen=True, slots=True)
class Example:
    """A user agent or an address, and whether a rule must match it."""

    rule: Rule
    text: str
    is_caught: bool


@dataclass(frozen=True, slots=True)
class RobotsDocument:
    """What the file says.

    scan_links, scan_seconds: so many links of one mail within this time are a scanner's.
    """

    robots: Robots
    scan_links: int
    scan_seconds: int
    examples: tuple[Example, ...]


def load_robots(file: Path | None = None) -> RobotsDocument:
    """Return the rules of a file, of our own where there is none.

    Raises DocumentFaultsError with all faults and their lines, and OSError.
    """
    return parse_robots(catalogs.robots() if file is None else file.read_bytes())


def parse_robots(text: str | bytes) -> RobotsDocument:
    """Return the rules of a text; raises DocumentFaultsError."""
    faults: list[Fault] = []
    fields = Fields(compose_yaml(text), "", _SECTIONS, faults)
    _require(fields, "engagement_robots", "mail_scans")
    fields.integer("engagement_robots", 1, 1)
    crawlers = fields.boolean("crawlers")
    scans = fields.mapping("mail_scans", ("links", "within"))
    links, seconds = 0, 0
    if scans is not None:
        _require(scans, "links", "within")
        links = scans.integer("links", _LEAST_LINKS, _MOST_LINKS) or 0
        seconds = scans.duration("within", _LONGEST_DAYS) or 0
    examples: list[Example] = []
    people = list(_rules(fields, "people", examples))
    robots = list(_rules(fields, "robots", examples))
    if faults:
        raise DocumentFaultsError(faults)
    return RobotsDocument(
        Robots(robots, people, knows_crawlers=crawlers is True), links, seconds, tuple(examples)
    )


def _require(fields: Fields, *names: str) -> None:
    for name in names:
        if name not in fields.lines:
            fields.fault(fields.line, f"{name} is missing")


def _rules(document: Fields, section: str, examples: list[Example]) -> Iterator[Rule]:
    names = {CRAWLER}
    for node in document.items(section) or ():
        fields = Fields(node, section, _FIELDS, document.faults)
        name = fields.matching("name", KEY, KEY_FORM)
        if name is not None:
            fields.label = f"{section}: {name}"
            if name in names:
                fields.fault(fields.lines["name"], "the name is taken")
            names.add(name)
        rule = Rule(
            name or "",
            tuple(text.lower() for text, _ in _texts(fields, "user_agents")),
            frozenset(text for text, _ in _texts(fields, "exactly", empty=True)),
            tuple(_networks(fields)) if section == "robots" else (),
        )
        if section == "people" and "networks" in fields.lines:
            fields.fault(fields.lines["networks"], "people are known by their user agent only")
        _require(fields, "name", "catches", "passes")
        if not any(field in fields.lines for field in ("user_agents", "exactly", "networks")):
            fields.fault(fields.line, "has neither user_agents nor exactly nor networks")
        examples += _examples(fields, rule)
        yield rule


def _texts(fields: Fields, field: str, *, empty: bool = False) -> Iterator[tuple[str, int]]:
    """Yield the texts of a list with their lines."""
    nodes = fields.items(field)
    if nodes == []:
        fields.fault(fields.lines[field], f"{field} is empty")
    for node in nodes or ():
        value: Any = scalar_value(node) if isinstance(node, ScalarNode) else None
        if not isinstance(value, str):
            fields.fault(line_of(node), f"{field} must be texts, not {describe_node(node)}")
        elif len(value) > _LONGEST_TEXT or not (value or empty):
            fields.fault(line_of(node), f"{field} must be texts of 1 to {_LONGEST_TEXT} characters")
        else:
            yield value, line_of(node)


def _networks(fields: Fields) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    for text, line in _texts(fields, "networks"):
        try:
            yield ipaddress.ip_network(text)
        except ValueError:
            fields.fault(line, f"networks must be like 192.0.2.0/24 or 2001:db8::/32, not {quoted(text)}")


def _examples(fields: Fields, rule: Rule) -> Iterator[Example]:
    """Yield the examples of a rule; one that it treats otherwise is a fault."""
    for field, is_caught in (("catches", True), ("passes", False)):
        for text, line in _texts(fields, field, empty=True):
            if (rule.matches_address(text) or rule.matches_user_agent(text)) is not is_caught:
                fields.fault(line, f"does not {'catch' if is_caught else 'pass'} {quoted(text)}")
            yield Example(rule, text, is_caught)
