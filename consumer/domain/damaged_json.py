"""Reads the members of a JSON object that the parser refuses, to see whose record it is. Pure.

Forgives what semantics 2.51 lists, each of which leaves the members where they are. Nothing that is read here ever
becomes an event: the record stays dead.
"""

from __future__ import annotations

import re
from itertools import accumulate, compress
from typing import Final

import msgspec

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
# A pair of surrogates, one without the other (group 1), or other escapes up to the next surrogate: an escaped
# backslash before `ud800` must not be taken for the beginning of one.
_ESCAPES: Final = re.compile(
    rb"\\u[Dd][89ABab][0-9A-Fa-f]{2}\\u[Dd][C-Fc-f][0-9A-Fa-f]{2}|(\\u[Dd][89A-Fa-f][0-9A-Fa-f]{2})"
    rb"|(?:\\(?!u[Dd][89A-Fa-f]).[^\\]*+)++",
    re.DOTALL,
)
# A string that does not end takes the rest: otherwise each quote in it would be tried again, in quadratic time.
_STRING: Final = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
_STRINGS: Final = re.compile(_STRING, re.DOTALL)
_LITERALS: Final = re.compile(_STRING + rb"|-?Infinity|NaN", re.DOTALL)
_DEEPER: Final = [(byte in b"[{") - (byte in b"]}") for byte in range(256)]
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def readable_members(value: bytes) -> dict[str, msgspec.Raw] | None:
    """Return the members of an object, each as valid JSON, a nested one perhaps emptied; None where it is none.

    A lone surrogate is U+FFFD in the result, as are bytes that are not UTF-8; NaN and infinity are null. Takes time
    linear in the length of the value, at any depth.
    """
    text = _mend(value)
    try:
        return _MEMBERS.decode(text)
    except RecursionError:
        text = _flatten(text)
    except msgspec.MsgspecError:
        return None
    try:
        return _MEMBERS.decode(text)
    except msgspec.MsgspecError:
        return None


def _mend(value: bytes) -> bytes:
    """Replace what the parser refuses at any depth."""
    text = value.removeprefix(_BYTE_ORDER_MARK)
    if not text.isascii():
        text = text.decode(errors="replace").encode()
    if b"\\u" in text:
        text = _ESCAPES.sub(lambda found: b"\\ufffd" if found[1] else found[0], text)
    if b"NaN" in text or b"Infinity" in text:
        text = _LITERALS.sub(lambda found: found[0] if found[0].startswith(b'"') else b"null", text)
    return text


def _flatten(text: bytes) -> bytes:
    """Empty each object and list within a member; what is in them is not looked at.

    No loop of its own, which at 100,000 brackets would take half a second.
    """
    without_strings = _STRINGS.sub(lambda found: b" " * len(found[0]), text)
    depths = list(accumulate(map(_DEEPER.__getitem__, without_strings), initial=0))
    shallow = map((2).__gt__, map(min, depths, depths[1:]))
    return bytes(compress(text, shallow))
