"""Policies, conditions and durations in words, as a person reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from babel.units import format_unit

from consumer.web.console.navigation import N_

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.web.console.reader import Reader

UNIT_SECONDS: Final = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_UNITS: Final = {"d": "day", "h": "hour", "m": "minute", "s": "second"}
_INTERVAL: Final = re.compile(r"(\d+)([dhms])")
# By operator: the name in a list, and the sentence of a condition.
OPERATORS: Final = {
    "eq": (N_("is"), N_("%(field)s is %(value)s")),
    "ne": (N_("is not"), N_("%(field)s is not %(value)s")),
    "in": (N_("is one of"), N_("%(field)s is one of %(value)s")),
    "not_in": (N_("is none of"), N_("%(field)s is none of %(value)s")),
    "gt": (N_("is more than"), N_("%(field)s is more than %(value)s")),
    "gte": (N_("is at least"), N_("%(field)s is at least %(value)s")),
    "lt": (N_("is less than"), N_("%(field)s is less than %(value)s")),
    "lte": (N_("is at most"), N_("%(field)s is at most %(value)s")),
    "contains": (N_("contains"), N_("%(field)s contains %(value)s")),
    "exists": (N_("is there"), N_("%(field)s is there")),
    "absent": (N_("is missing"), N_("%(field)s is missing")),
}
# By attribute: the name in a list, and in a sentence.
ATTRIBUTES: Final = {
    "source": (N_("source"), N_("the source")),
    "actortype": (N_("actor type"), N_("the type of actor")),
    "objectid": (N_("object"), N_("the object")),
}
_POLICIES: Final = {
    ("always", "contact"): N_("Counts every time"),
    ("always", "object"): N_("Counts every time"),
    ("once", "contact"): N_("Counts once for each contact"),
    ("once", "object"): N_("Counts once for each object of a contact"),
    ("cooldown", "contact"): N_("Counts once, then not again for %(interval)s"),
    ("cooldown", "object"): N_("Counts once for each object, then not again for %(interval)s"),
}


@dataclass(frozen=True, slots=True)
class Words:
    """What is said to one reader."""

    reader: Reader

    def say(self, message: str, /, **values: object) -> str:
        """Return a text in the reader's language, with values put in by name."""
        found = self.reader.texts.gettext(message)
        return found % values if values else found

    def duration(self, seconds: float, length: Literal["long", "narrow"] = "long") -> str:
        """Return a duration in whole units, as `22 minutes 30 seconds`; narrow: as `22m 30s`."""
        parts = []
        for unit, of_unit in UNIT_SECONDS.items():
            count = round(seconds, 2) if unit == "s" else seconds // of_unit
            if count > 0:
                seconds -= count * of_unit
                parts.append(
                    format_unit(count, f"duration-{_UNITS[unit]}", length, locale=self.reader.locale)
                )
        return " ".join(parts)

    def dedup(self, dedup: Mapping[str, Any]) -> str:
        """Return what a policy does."""
        amount, unit = split_interval(dedup.get("interval"))
        interval = self.duration(int(amount) * UNIT_SECONDS[unit]) if amount else ""
        return self.say(_POLICIES[dedup["policy"], dedup["per"]], interval=interval)

    def condition(self, condition: Mapping[str, Any]) -> str:
        """Return a condition, as `amount is at least 100`."""
        attribute = condition.get("attribute")
        field = self.say(ATTRIBUTES[attribute][1]) if attribute else condition.get("path", "")
        value = condition.get("value")
        values = value if isinstance(value, list) else [value]
        shown = ", ".join(self.value(each) for each in values)
        return self.say(OPERATORS[condition["op"]][1], field=field, value=shown)

    def value(self, value: object) -> str:
        """Return a value of an event: text in quotation marks, so that `5` is another one than 5."""
        if isinstance(value, bool):
            return self.say("true") if value else self.say("false")
        if isinstance(value, int | float):
            return self.reader.number(value)
        return f"“{value}”"


def split_interval(interval: str | None) -> tuple[str, str]:
    """Return the number and the unit of an interval such as `30m`; empty and days where it is none."""
    match = _INTERVAL.fullmatch(interval or "")
    return (match[1], match[2]) if match else ("", "d")
