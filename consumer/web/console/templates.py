"""Templates: everything is escaped, a name that is missing is an error, and icons come from `lucide`."""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET
from zipfile import ZipFile

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from consumer.web.console import assets, texts

if TYPE_CHECKING:
    from consumer.web.console.reader import Reader

_FOLDER = Path(str(resources.files(__package__))) / "templates"
# Icons of the catalog (catalogs/icons.yaml) that `lucide` has under another name.
_CATALOG_ICONS = {
    "bag": "shopping-bag",
    "bolt": "zap",
    "card": "credit-card",
    "cart": "shopping-cart",
    "chart": "chart-column",
    "chat": "message-circle",
    "coin": "coins",
    "cursor": "mouse-pointer-click",
    "document": "file-text",
    "lifebuoy": "life-buoy",
    "refund": "undo-2",
    "thumb-down": "thumbs-down",
    "thumb-up": "thumbs-up",
    "warning": "triangle-alert",
}
_SVG = "{http://www.w3.org/2000/svg}"


@cache
def _environment(language: str) -> Environment:
    """Return the environment of a language: texts are put in as templates are compiled."""
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.install_gettext_translations(texts.of(language), newstyle=True)  # type: ignore[attr-defined]
    environment.globals.update(asset=assets.url, icon=icon)
    return environment


def render(template: str, reader: Reader, /, **context: Any) -> str:
    """Return a page."""
    environment = _environment(reader.locale.language)
    return environment.get_template(template).render(reader=reader, **context)


@cache
def icon(name: str, size: int = 16) -> Markup:
    """Return an icon by the catalog's name or that of `lucide`.

    It is for the eyes only: what it stands for is said in words beside it. size: pixels.
    """
    name = _CATALOG_ICONS.get(name, name)
    with resources.files("lucide").joinpath("lucide.zip").open("rb") as archive, ZipFile(archive) as icons:
        svg = ET.fromstring(icons.read(f"{name}.svg"))  # noqa: S314 - of a package that is pinned
    for node in svg.iter():
        node.tag = node.tag.removeprefix(_SVG)
    svg.attrib.update(width=str(size), height=str(size), **{"aria-hidden": "true", "class": "icon"})
    return Markup(ET.tostring(svg, encoding="unicode"))  # noqa: S704 - as above
