"""How one person reads: language, time zone, theme; and numbers and times as that person expects them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal
from zoneinfo import ZoneInfo

from babel import Locale, dates, numbers
from babel.core import UnknownLocaleError, parse_locale

from consumer.web.console import texts

if TYPE_CHECKING:
    from gettext import NullTranslations

    from starlette.requests import Request

LANGUAGE_COOKIE: Final = "engagement_language"
THEME_COOKIE: Final = "engagement_theme"
THEMES: Final = ("auto", "light", "dark")
_DAY_SECONDS: Final = 86_400
_JUST_NOW: Final = timedelta(seconds=45)


@dataclass(frozen=True, slots=True)
class Reader:
    """A person. locale: of numbers and dates, such as `pt_BR`. theme: one of THEMES."""

    locale: Locale
    texts: NullTranslations
    theme: str
    zone: ZoneInfo
    now: datetime

    @property
    def language(self) -> str:
        """The language of the texts, as the attribute `lang` has it."""
        return str(self.locale).replace("_", "-")

    def number(self, value: float) -> str:
        """Return a number, as 12,345."""
        return _decimal(value, str(self.locale))

    def points(self, value: float) -> str:
        """Return points with their sign, as +15 and −3, and 0 without one."""
        text = self.number(abs(value))
        return f"+{text}" if value > 0 else f"\N{MINUS SIGN}{text}" if value < 0 else text

    def percent(self, value: float) -> str:
        """Return a part of 1 as a whole percentage."""
        return numbers.format_percent(value, locale=self.locale)

    def ago(self, at: str) -> str:
        """Return an instant in words, as `2 hours ago`."""
        if timedelta() <= self.now - instant(at) < _JUST_NOW:
            return self.texts.gettext("just now")
        return dates.format_timedelta(
            instant(at) - self.now,
            add_direction=True,
            granularity="minute",
            threshold=1.2,
            locale=self.locale,
        )

    def past(self, at: str) -> str:
        """Return an instant that was: one since this page was asked for is now."""
        return min(instant(at), self.now).isoformat()

    def exact(self, at: str) -> str:
        """Return an instant in the account's zone, to the second."""
        return dates.format_datetime(instant(at), format="long", tzinfo=self.zone, locale=self.locale)

    def time(self, at: str) -> str:
        """Return the time of day of an instant in the account's zone."""
        return dates.format_time(instant(at), format="short", tzinfo=self.zone, locale=self.locale)

    def moment(self, at: str) -> str:
        """Return when something will be or was: the time alone on this day, else with the date."""
        local = instant(at).astimezone(self.zone)
        if local.date() == self.now.astimezone(self.zone).date():
            return self.time(at)
        return dates.format_datetime(local, format="short", tzinfo=self.zone, locale=self.locale)

    def day(self, at: str) -> str:
        """Return the day of an instant, as `today` or `Monday, 2 March 2026`."""
        local, today = instant(at).astimezone(self.zone).date(), self.now.astimezone(self.zone).date()
        if local == today:
            return self.texts.gettext("Today")
        if (today - local).days == 1:
            return self.texts.gettext("Yesterday")
        return dates.format_date(local, format="full", locale=self.locale)

    def date(self, at: str) -> str:
        """Return the date of an instant, as `2 Mar 2026`."""
        return dates.format_date(
            instant(at).astimezone(self.zone).date(), format="medium", locale=self.locale
        )


# A list has hundreds of numbers, most of them small and the same on every page.
@lru_cache(4_096)
def _decimal(value: float, locale: str) -> str:
    return numbers.format_decimal(value, locale=locale)


def instant(at: str) -> datetime:
    """Return an instant of the API's answers."""
    return datetime.fromisoformat(at)


def reader_of(request: Request, zone: str = "UTC") -> Reader:
    """Return how the person reads by whom a request comes: cookies of preferences first, then its headers."""
    locale = _locale(request.cookies.get(LANGUAGE_COOKIE), request.headers.get("accept-language", ""))
    theme = request.cookies.get(THEME_COOKIE, "")
    return Reader(
        locale,
        texts.of(locale.language),
        theme if theme in THEMES else "auto",
        ZoneInfo(zone),
        datetime.now(UTC),
    )


def _locale(chosen: str | None, accepted: str) -> Locale:
    """Return the locale: of the language that was chosen, or the first known one of those that a browser sends."""
    asked = [tag for tag in (_known(part) for part in accepted[:200].split(",")) if tag is not None]
    if chosen in texts.LANGUAGES:
        return next((each for each in asked if each.language == chosen), Locale(str(chosen)))
    return next(iter(asked), Locale("en"))


# Of any text that is sent.
@lru_cache(256)
def _parsed(tag: str) -> Locale | None:
    try:
        return Locale(*parse_locale(tag, sep="-")[:2])
    except (ValueError, UnknownLocaleError):
        return None


def _known(part: str) -> Locale | None:
    tag = part.partition(";")[0].strip()
    if tag.partition("-")[0].lower() not in texts.LANGUAGES or len(tag) > 11:  # noqa: PLR2004 - of the longest tags
        return None
    return _parsed(tag)


Theme = Literal["auto", "light", "dark"]
