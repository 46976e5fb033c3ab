"""Parses the catalog document (docs/contracts.md), and reports all its faults together, each with its line. Pure.

check_references.py and check_limits.py check what depends on the stored account.

A field that a document leaves out keeps its stored value, or takes its default if the object is new. `dedup`,
`when`, `events`, `weights`, `overall` and `groups` are each one value: a field left out within `dedup` takes its
default whatever was stored, so `dedup: {policy: once}` is once per contact, also for a definition that was per
object. A profile without `published` stays published or unpublished.
"""

from __future__ import annotations

import re
import zoneinfo
from functools import cache
from typing import TYPE_CHECKING, Any

import catalogs
from consumer.catalog.document import check_limits, check_references
from consumer.catalog.document.faults import DocumentFaultsError, Fault
from consumer.catalog.document.fields import (
    ACCOUNT,
    ACCOUNT_FORM,
    KEY,
    KEY_FORM,
    Fields,
    describe_node,
    quoted,
    text_problem,
)
from consumer.catalog.document.model import CatalogDocument, DocumentEntry
from consumer.catalog.document.parse_conditions import read_conditions
from consumer.catalog.document.parse_frames import read_groups, read_overall
from consumer.catalog.document.yaml_nodes import MappingNode, ScalarNode, compose_yaml, line_of, scalar_value
from consumer.catalog.model.account import DedupPolicy
from consumer.catalog.model.limits import DEFAULT_LIMITS
from schemas.vocabulary import CONTACT_DELETED, Per, Policy

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.catalog.document.yaml_nodes import Node
    from consumer.catalog.model.account import AccountCatalog
    from consumer.catalog.model.limits import CatalogLimits

MOST_POINTS = 1_000_000
LONGEST_COOLDOWN_DAYS = 366
LONGEST_RETENTION_DAYS = 36_500

_SETTINGS = ("name", "engagement", "sales", "retention", "time_zone", "count_robots")
_SECTIONS = ("groups", "definitions", "profiles")


def parse_document(
    text: str | bytes,
    *,
    account: str | None = None,
    stored: AccountCatalog | None = None,
    limits: CatalogLimits | None = DEFAULT_LIMITS,
) -> CatalogDocument:
    """Return the document of a text; bytes are UTF-8.

    account: must be the document's account, or is used where the document names none. stored: the account before
    the document; without it, `apply_document` makes the checks that need it (groups, limits, and required fields of
    entries that may exist). limits: None where they do not matter. Raises DocumentFaultsError with all faults.
    """
    return parse_node(compose_yaml(text), account=account, stored=stored, limits=limits)


def parse_node(
    root: Node,
    *,
    account: str | None = None,
    stored: AccountCatalog | None = None,
    limits: CatalogLimits | None = DEFAULT_LIMITS,
) -> CatalogDocument:
    """Return the document of a root node; the other parameters are as for `parse_document`."""
    faults: list[Fault] = []
    document = _read(root, account, faults)
    if stored is not None:
        faults += stored_faults(document, stored, limits)
    if faults:
        raise DocumentFaultsError(faults)
    return document


def stored_faults(
    document: CatalogDocument, stored: AccountCatalog, limits: CatalogLimits | None
) -> list[Fault]:
    """Return the faults of applying a document to the stored account; limits: None where they do not matter."""
    faults = check_references.reference_faults(document, stored)
    return faults if limits is None else faults + check_limits.limit_faults(document, stored, limits)


def account_named_in(text: str | bytes, account: str | None = None) -> str | None:
    """Return the account that a text names, else `account`.

    Raises DocumentFaultsError where the text is not YAML.
    """
    return _read(compose_yaml(text), account, []).account or account


def _read(root: Node, account: str | None, faults: list[Fault]) -> CatalogDocument:
    fields = Fields(root, "", ("engagement_catalog", "account", *_SETTINGS, *_SECTIONS), faults)
    if not isinstance(root, MappingNode):
        return CatalogDocument(account or "")
    if "engagement_catalog" not in fields.lines:
        fields.fault(fields.line, "engagement_catalog, the format version, is missing")
    fields.integer("engagement_catalog", 1, 1)
    return CatalogDocument(
        account=_account(fields, account),
        settings=_settings(fields),
        groups=_entries(fields, "groups", _group),
        definitions=_entries(fields, "definitions", _definition),
        profiles=_entries(fields, "profiles", _profile),
    )


def _account(fields: Fields, expected: str | None) -> str:
    named = fields.matching("account", ACCOUNT, ACCOUNT_FORM)
    if "account" not in fields.lines and expected is None:
        fields.fault(fields.line, "account is missing")
    if named and expected and named != expected:
        fields.fault(fields.lines["account"], f"the document is for account {named}, not {expected}")
    return named or expected or ""


def _settings(fields: Fields) -> dict[str, Any]:
    values = {
        "name": fields.text("name"),
        "engagement": fields.boolean("engagement"),
        "sales": fields.boolean("sales"),
        "count_robots": fields.boolean("count_robots"),
        "time_zone": fields.choice("time_zone", _time_zones(), "a time zone like Europe/Paris"),
    }
    settings = _present(values)
    if fields.is_null("retention"):
        settings["retention_seconds"] = None
    elif seconds := fields.duration("retention", LONGEST_RETENTION_DAYS, least_days=1):
        settings["retention_seconds"] = seconds
    return settings


def _present(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


@cache
def icon_names() -> frozenset[str]:
    """Return the names of icons that groups and definitions may have."""
    faults: list[Fault] = []
    nodes = Fields(compose_yaml(catalogs.icons()), "", ("icons",), faults).items("icons") or []
    if faults:
        raise DocumentFaultsError(faults)
    return frozenset(str(scalar_value(node)) for node in nodes if isinstance(node, ScalarNode))


def _entries(
    fields: Fields, section: str, read_entry: Callable[[Fields], dict[str, Any]]
) -> tuple[DocumentEntry, ...]:
    entries: dict[str, DocumentEntry] = {}
    singular = section.removesuffix("s")
    for number, node in enumerate(fields.items(section) or (), start=1):
        each = Fields(node, f"{singular} {_label(node) or number}", _FIELDS[section], fields.faults)
        if not isinstance(node, MappingNode):
            continue
        values = read_entry(each)
        key = each.matching("key", KEY, KEY_FORM)
        if "key" not in each.lines:
            each.fault(each.line, "key is missing")
        elif key in entries:
            each.fault(each.lines["key"], f"the key is repeated, first on line {entries[key].lines['key']}")
        elif key:
            entries[key] = DocumentEntry(each.line, key, values, each.lines)
    return tuple(entries.values())


_FIELDS = {
    "groups": ("key", "name", "icon"),
    "definitions": (
        "key",
        "name",
        "group",
        "icon",
        "default_points",
        "active",
        "events",
        "when",
        "dedup",
        "xp",
    ),
    "profiles": (
        "key",
        "name",
        "description",
        "primary",
        "inherits",
        "published",
        "weights",
        "overall",
        "groups",
    ),
}


def _label(node: Node) -> str | None:
    """Return the key of an entry for its faults, if it can be read."""
    if not isinstance(node, MappingNode):
        return None
    keys = [value for name, value in node.value if name.value == "key" and isinstance(value, ScalarNode)]
    return keys[0].value if keys and re.fullmatch(r"[\w-]{1,64}", keys[0].value) else None


def _group(fields: Fields) -> dict[str, Any]:
    return _present({"name": fields.text("name"), "icon": _icon(fields)})


def _icon(fields: Fields) -> str | None:
    return fields.choice("icon", icon_names(), "an icon of catalogs/icons.yaml")


def _definition(fields: Fields) -> dict[str, Any]:
    return _present(
        {
            "name": fields.text("name"),
            "group": fields.matching("group", KEY, KEY_FORM),
            "icon": _icon(fields),
            "default_points": fields.integer("default_points", -MOST_POINTS, MOST_POINTS),
            "active": fields.boolean("active"),
            "events": _events(fields),
            "when": read_conditions(fields),
            "dedup": _dedup(fields),
            "xp": fields.integer("xp", 0, MOST_POINTS),
        }
    )


def _events(fields: Fields) -> tuple[str, ...] | None:
    items = fields.items("events")
    if items is None:
        return None
    if not items:
        fields.fault(fields.lines["events"], "events must name at least one type")
    types: dict[str, int] = {}
    for node in items:
        value = scalar_value(node) if isinstance(node, ScalarNode) else None
        if not isinstance(value, str):
            fields.fault(line_of(node), f"an event type must be text, not {describe_node(node)}")
        elif problem := text_problem(value):
            fields.fault(line_of(node), f"an event type {problem}")
        elif value in types:
            fields.fault(
                line_of(node), f"event type {quoted(value)} is repeated, first on line {types[value]}"
            )
        elif value == CONTACT_DELETED:
            fields.fault(line_of(node), f"a definition cannot take {CONTACT_DELETED}")
        else:
            types[value] = line_of(node)
    return tuple(types)


def _dedup(fields: Fields) -> DedupPolicy | None:
    inner = fields.mapping("dedup", ("policy", "interval", "per"))
    if inner is None:
        return None
    policy = inner.choice("policy", list(Policy))
    interval = inner.duration("interval", LONGEST_COOLDOWN_DAYS)
    per = inner.choice("per", list(Per))
    cools_down = policy == Policy.COOLDOWN
    if cools_down and "interval" not in inner.lines:
        inner.fault(inner.line, "policy cooldown needs an interval")
    if not cools_down and "interval" in inner.lines and (policy or "policy" not in inner.lines):
        inner.fault(inner.lines["interval"], "interval is only for policy cooldown")
    return DedupPolicy(
        Policy(policy or Policy.ALWAYS), interval if cools_down else None, Per(per or Per.CONTACT)
    )


def _profile(fields: Fields) -> dict[str, Any]:
    return _present(
        {
            "name": fields.text("name"),
            "description": fields.text("description", breaks=True, empty=True, longest=2_000),
            "primary": fields.boolean("primary"),
            "inherits": fields.boolean("inherits"),
            "published": fields.boolean("published"),
            "weights": _weights(fields),
            "overall": read_overall(fields),
            "groups": read_groups(fields),
        }
    )


def _weights(fields: Fields) -> dict[str, int] | None:
    inner = fields.mapping("weights", ())
    if inner is None:
        return None
    for key, line in inner.lines.items():
        if not KEY.fullmatch(key):
            inner.fault(line, f"{quoted(key)} is not a valid definition key")
    weights = {key: inner.integer(key, -MOST_POINTS, MOST_POINTS) for key in inner.lines}
    return _present(weights)
