"""Icons of pages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import consumer.web.console
from consumer.catalog.document.parse import icon_names
from consumer.web.console.navigation import PARTS
from consumer.web.console.templates import icon

_TEMPLATES = Path(consumer.web.console.__file__).parent / "templates"
_NAMED = {
    name
    for template in _TEMPLATES.rglob("*.html")
    for pattern in (r'\bicon\("([\w-]+)"', r'\bempty\("([\w-]+)"')
    for name in re.findall(pattern, template.read_text("utf-8"))
}


@pytest.mark.parametrize("name", sorted({*icon_names(), *_NAMED, *(part.icon for part in PARTS)}))
def test_there_is_a_drawing(name: str) -> None:
    """Each icon of the catalog, of the navigation and of a template has a drawing."""
    assert icon(name).startswith("<svg")
