"""Reads YAML into nodes with their lines, and scalars by the core schema of YAML 1.2.

`on` and `2024-01-01` are text, and numbers are exact: scalars are read here, since the library would make floats
and dates of them.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from consumer.catalog.document.faults import DocumentFaultsError, Fault
from consumer.catalog.model.conditions import canonical_number
from schemas.exact_json import digits

if TYPE_CHECKING:
    from ruamel.yaml.error import StreamMark

__all__ = [
    "MappingNode",
    "Node",
    "ScalarNode",
    "SequenceNode",
    "Unusable",
    "compose_yaml",
    "line_of",
    "scalar_value",
]

# Of a number written out in full, as in typed fields of events (semantics §2).
MAX_DIGITS = 38

_TAG = "tag:yaml.org,2002:"
# Tags by which the library classifies plain scalars, by rules of its own.
_PLAIN_TAGS = {_TAG + tag for tag in ("null", "bool", "int", "float", "timestamp", "merge", "value")}
_CONSTANTS = {
    **dict.fromkeys(("null", "Null", "NULL", "~", ""), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_DECIMAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_OCTAL_OR_HEXADECIMAL = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_NOT_A_NUMBER = re.compile(r"[-+]?(\.inf|\.Inf|\.INF)|\.nan|\.NaN|\.NAN")


@dataclass(frozen=True, slots=True)
class Unusable:
    """A scalar that no field accepts. problem: its description, as in "must be text, not …"."""

    problem: str


def compose_yaml(text: str | bytes) -> Node:
    """Return the root node of a document; raises DocumentFaultsError with the first syntax error."""
    decoded = _decode(text) if isinstance(text, bytes) else text
    yaml = YAML(typ="rt", pure=True)  # pure: the other parser reads YAML 1.1
    try:
        with warnings.catch_warnings(category=ReusedAnchorWarning, action="ignore"):
            root = yaml.compose(decoded)
    except ReaderError as error:
        line = decoded.count("\n", 0, error.position) + 1
        raise _fault(line, "a character that YAML does not allow") from error
    except MarkedYAMLError as error:
        mark: StreamMark | None = error.problem_mark or error.context_mark
        problem = ", ".join(part for part in (error.context, error.problem) if part)
        raise _fault(mark.line + 1 if mark else 1, f"not YAML: {problem}") from error
    except (YAMLError, ValueError, LookupError, AssertionError) as error:
        # The library raises the last three for directives like %YAML 9.9.
        raise _fault(1, f"not YAML: {error}") from error
    except RecursionError:
        raise _fault(1, "nested too deeply") from None
    if not isinstance(root, Node):
        raise _fault(1, "the document is empty")
    return root


def _decode(text: bytes) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _fault(text.count(b"\n", 0, error.start) + 1, "not UTF-8") from error


def _fault(line: int, message: str) -> DocumentFaultsError:
    return DocumentFaultsError([Fault(line, message)])


def line_of(node: Node) -> int:
    """Return the line where a node begins, counted from 1."""
    line: int = node.start_mark.line
    return line + 1


def scalar_value(node: ScalarNode) -> Any:
    """Return the value of a scalar: str, bool, None, int, Decimal (exact, not whole), or Unusable."""
    tag, text = str(node.tag), node.value
    if tag == _TAG + "str":
        return _usable_text(text)
    if node.style is not None or tag not in _PLAIN_TAGS:
        return Unusable(f"a value tagged {tag.removeprefix(_TAG)}")
    return _plain(text)


def _plain(text: str) -> Any:
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _OCTAL_OR_HEXADECIMAL.fullmatch(text):
        return _number(Decimal(int(text, 0)))
    if _NOT_A_NUMBER.fullmatch(text):
        return Unusable("infinity or not-a-number")
    if not _DECIMAL.fullmatch(text):
        return _usable_text(text)
    try:
        return _number(Decimal(text))
    except InvalidOperation:
        return Unusable(f"a number of more than {MAX_DIGITS} digits")


def _number(number: Decimal) -> int | Decimal | Unusable:
    if digits(number) > MAX_DIGITS:
        return Unusable(f"a number of more than {MAX_DIGITS} digits")
    return canonical_number(number)


def _usable_text(text: str) -> str | Unusable:
    # Neither can be stored: Postgres refuses the first, UTF-8 the second.
    if "\0" in text:
        return Unusable("text with a NUL character")
    if any("\ud800" <= character <= "\udfff" for character in text):
        return Unusable("text with half of a surrogate pair")
    return text
