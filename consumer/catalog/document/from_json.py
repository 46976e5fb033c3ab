"""Reads a document from JSON values, as the API receives it; faults name their field instead of a line.

It converts the values to the nodes that parse.py checks, each on a line of its own, and the line of a fault back to
the field: there is one set of checks for documents and the API.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from consumer.catalog.document.faults import DocumentFaultsError
from consumer.catalog.document.parse import parse_node
from consumer.catalog.document.yaml_nodes import MappingNode, ScalarNode, SequenceNode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from consumer.catalog.document.faults import Fault
    from consumer.catalog.document.model import CatalogDocument
    from consumer.catalog.document.yaml_nodes import Node
    from consumer.catalog.model.account import AccountCatalog
    from consumer.catalog.model.limits import CatalogLimits

Path = tuple[str | int, ...]

_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True)
class JsonFault:
    """One fault. path: names and list indices from the root of the values."""

    path: Path
    message: str


class JsonFaultsError(Exception):
    """The values have faults, each with its field; nothing was applied."""

    def __init__(self, faults: Iterable[JsonFault]) -> None:
        self.faults = list(faults)
        super().__init__("; ".join(fault.message for fault in self.faults))


class _Mark(NamedTuple):
    line: int


def document_from_json(
    values: Mapping[str, Any], stored: AccountCatalog, limits: CatalogLimits | None
) -> CatalogDocument:
    """Return the document with these sections and fields, checked against the stored account.

    values: as in a document, without `engagement_catalog` and `account`. limits: None where they do not matter.
    Raises JsonFaultsError.
    """
    paths: list[Path] = []
    root = _node({"engagement_catalog": 1, **values}, (), paths)
    try:
        return parse_node(root, account=stored.account, stored=stored, limits=limits)
    except DocumentFaultsError as error:
        raise JsonFaultsError(
            each for fault in error.faults for each in _json_faults(fault, paths[fault.line - 1])
        ) from None


def _json_faults(fault: Fault, path: Path) -> Iterator[JsonFault]:
    """Yield a fault for its field; of an entry that lacks fields, one for each of them."""
    if fault.missing:
        yield from (JsonFault((*path, name), "is missing") for name in fault.missing)
    else:
        yield JsonFault(path, fault.message)


def _node(value: Any, path: Path, paths: list[Path]) -> Node:
    """Return the node of a value on a line of its own: the index of its path in `paths`."""
    mark = _Mark(len(paths))
    paths.append(path)
    if isinstance(value, dict):
        pairs = [(name, _node(each, (*path, name), paths)) for name, each in value.items()]
        return MappingNode(
            _TAG + "map",
            [(ScalarNode(_TAG + "str", name, each.start_mark), each) for name, each in pairs],
            mark,
        )
    if isinstance(value, list | tuple):
        return SequenceNode(
            _TAG + "seq", [_node(each, (*path, place), paths) for place, each in enumerate(value)], mark
        )
    if isinstance(value, str):
        return ScalarNode(_TAG + "str", value, mark)
    if value is None or isinstance(value, bool):
        kind = "null" if value is None else "bool"
        return ScalarNode(_TAG + kind, {None: "null", True: "true", False: "false"}[value], mark)
    return ScalarNode(_TAG + ("int" if isinstance(value, int) else "float"), str(value), mark)
