"""What a page offers: its links, and its forms with what is in them. As a browser without scripts reads it."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Form:
    """A form. action: where it is sent; empty: to the page itself. buttons: other places, of its buttons."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[str] = field(default_factory=list)


class PageLinks(HTMLParser):
    """links: addresses, in order. forms: in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.forms: list[Form] = []
        self._select: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of a link, a form, or a field of the form that is open."""
        given = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag == "form":
            self.forms.append(Form(given.get("action", ""), given.get("method", "get").lower()))
        elif self.forms and tag == "button" and "formaction" in given:
            self.forms[-1].buttons.append(given["formaction"])
        elif self.forms and tag in {"input", "textarea", "button"} and _is_sent(given):
            self.forms[-1].fields.setdefault(given["name"], given.get("value", ""))
        elif tag == "select":
            self._select = given.get("name")
        elif self.forms and self._select and tag == "option":
            self._choose(self._select, given.get("value", ""), is_selected="selected" in given)

    def _choose(self, name: str, value: str, *, is_selected: bool) -> None:
        """Take the option that is selected, or else the first."""
        fields = self.forms[-1].fields
        if is_selected or name not in fields:
            fields[name] = value


def _is_sent(field: dict[str, str]) -> bool:
    """Return whether a form sends a field as it stands."""
    return "name" in field and (field.get("type") not in {"checkbox", "radio"} or "checked" in field)
