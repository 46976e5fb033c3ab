"""The form of a definition: what was typed, and as the API takes it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from consumer.web.console.catalog.condition_rows import Row, conditions_of, rows_of, typed_rows
from consumer.web.console.catalog.words import split_interval

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.web.console.visit import Form

_TEXTS: Final = (
    "key",
    "name",
    "group",
    "icon",
    "policy",
    "per",
    "amount",
    "unit",
    "sample",
    "inbox",
    "since",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionForm:
    """What the form shows. inbox: the type in the inbox that it is made of; count_past: whether to read Kafka too.

    amount, unit: of the interval. sample: an event to try, as JSON.
    """

    key: str = ""
    name: str = ""
    group: str = ""
    icon: str = "bolt"
    default_points: str = "1"
    xp: str = "0"
    active: bool = True
    events: list[str] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    policy: str = "always"
    per: str = "contact"
    amount: str = "1"
    unit: str = "d"
    sample: str = ""
    inbox: str = ""
    count_past: bool = False
    since: str = ""

    @property
    def dedup(self) -> dict[str, str]:
        """The policy as the API takes it."""
        interval = {"interval": f"{self.amount}{self.unit}"} if self.policy == "cooldown" else {}
        return {"policy": self.policy, **interval, "per": self.per}

    def body(self, kinds: Mapping[str, str]) -> dict[str, Any]:
        """Return the definition as the API takes it, without its key. kinds: of paths, as they were seen."""
        return {
            "name": self.name,
            "group": self.group,
            "icon": self.icon,
            "default_points": number(self.default_points),
            "xp": number(self.xp),
            "active": self.active,
            "events": [each for each in self.events if each],
            "when": conditions_of((row for row in self.rows if not row.is_empty), kinds),
            "dedup": self.dedup,
        }

    def with_rows_changed(self, form: Form) -> DefinitionForm | None:
        """Return the form with a row more or less, if a button has asked for it; None: none has.

        `add` is `event`, `condition`, or `condition:PATH`; `remove` is the place of a condition.
        """
        add, remove = form.text("add"), form.number("remove")
        if add == "event":
            return replace(self, events=[*self.events, ""])
        kind, _, path = add.partition(":")
        if kind == "condition":
            return replace(self, rows=[*self.rows, Row(path=path)])
        if isinstance(remove, int):
            return replace(self, rows=[row for place, row in enumerate(self.rows) if place != remove])
        return None


def number(text: str) -> int | float | str | None:
    """Return a number for the API; what is none stays as it is, for the API to say so."""
    try:
        return int(text)
    except ValueError:
        return text or None


def typed(form: Form) -> DefinitionForm:
    """Return what was typed."""
    return DefinitionForm(
        **{name: form.text(name) for name in _TEXTS},
        default_points=form.text("default_points"),
        xp=form.text("xp"),
        active=form.is_set("active"),
        count_past=form.is_set("count_past"),
        events=form.texts("events"),
        rows=typed_rows(form),
    )


def of_definition(definition: Mapping[str, Any]) -> DefinitionForm:
    """Return the form of a stored definition."""
    dedup = definition["dedup"]
    amount, unit = split_interval(dedup.get("interval"))
    return DefinitionForm(
        **{name: definition[name] for name in ("key", "name", "group", "icon", "active", "events")},
        default_points=str(definition["default_points"]),
        xp=str(definition["xp"]),
        rows=rows_of(definition["when"]),
        policy=dedup["policy"],
        per=dedup["per"],
        amount=amount or "1",
        unit=unit,
    )


def row_faults(form: DefinitionForm, faults: Mapping[str, str]) -> dict[str, str]:
    """Return faults by the form's fields: conditions by their row, since empty rows are not sent."""
    rows = [place for place, row in enumerate(form.rows) if not row.is_empty]
    events = [place for place, each in enumerate(form.events) if each]
    found: dict[str, str] = {}
    for name, detail in faults.items():
        section, _, rest = name.partition(".")
        place, _, part = rest.partition(".")
        if section == "when" and place.isdecimal() and int(place) < len(rows):
            found.setdefault(f"when-{rows[int(place)]}", f"{part}: {detail}" if part == "op" else detail)
        elif section == "events" and place.isdecimal() and int(place) < len(events):
            found.setdefault(f"events-{events[int(place)]}", detail)
        else:
            found.setdefault(section, detail.removeprefix("dedup: "))
    return found
