"""What the address of a contact's page asks for: profile, range of the chart, filters of the timeline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

# Parameters of the page, as they stand in its address.
_NAMES: Final = (
    *(
        "profile",
        "range",
        "group",
        "definition",
        "verdict",
        "actor",
        "since",
        "until",
        "at",
        "cursor",
        "data",
        "list",
    ),
    "place",
)
_FILTERS: Final = ("group", "definition", "verdict", "actor", "since", "until", "at")
# Days that the chart shows, by the name of the range; None: all.
RANGES: Final[Mapping[str, int | None]] = {"30": 30, "90": 90, "365": 365, "all": None}
_USUAL_RANGE: Final = "90"
# The step of instants in the database.
_MOMENT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """The parameters of an address. given: those that are not empty, by name."""

    given: Mapping[str, str]

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> Asked:
        """Return what the parameters of a request ask for."""
        return cls({name: parameters[name] for name in _NAMES if parameters.get(name)})

    def value(self, name: str) -> str:
        """Return a parameter as it was given; empty: it was not."""
        return self.given.get(name, "")

    @property
    def range(self) -> str:
        """The range of the chart, one of RANGES."""
        return self.value("range") if self.value("range") in RANGES else _USUAL_RANGE

    @property
    def filters(self) -> dict[str, str]:
        """The filters of the timeline that are set."""
        return {name: self.given[name] for name in _FILTERS if name in self.given}

    @property
    def is_first_page(self) -> bool:
        """Whether the timeline begins with what is newest."""
        return "cursor" not in self.given

    def but(self, **changed: str | None) -> dict[str, str]:
        """Return parameters with some changed, from the first page of the timeline; None: left out."""
        kept = {name: value for name, value in self.given.items() if name != "cursor"}
        return {name: value for name, value in {**kept, **changed}.items() if value}

    def without_filters(self, **changed: str | None) -> dict[str, str]:
        """Return parameters without filters, and with some changed."""
        return self.but(**{**dict.fromkeys((*_FILTERS, "data"), None), **changed})

    def of_timeline(self, zone: ZoneInfo) -> dict[str, object]:
        """Return the parameters for the API's timeline: days of the account become instants."""
        given = self.given
        since, until = _begin(given.get("since"), zone), _begin(given.get("until"), zone, days=1)
        if "at" in given:
            since, until = given["at"], _after(given["at"])
        return {
            **{name: given.get(name) for name in ("group", "definition", "verdict", "actor", "cursor")},
            "since": since,
            "until": until,
            "data": "data" in given or None,
        }

    def since_day(self, today: date) -> str | None:
        """Return the first day of the chart; None: the first that there is."""
        days = RANGES[self.range]
        return None if days is None else (today - timedelta(days=days)).isoformat()


def _begin(day: str | None, zone: ZoneInfo, *, days: int = 0) -> str | None:
    """Return when a day begins, some days later; what is no day is left for the API to refuse."""
    if day is None:
        return None
    try:
        begin = date.fromisoformat(day) + timedelta(days=days)
    except (ValueError, OverflowError):
        return day
    return datetime.combine(begin, time.min, zone).isoformat()


def _after(at: str) -> str:
    try:
        return (datetime.fromisoformat(at) + _MOMENT).isoformat()
    except (ValueError, OverflowError):
        return at
