"""The form of a frame: bounds, bands, and whether a group is apart, as they are typed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.web.console.visit import Form

MOST_BANDS: Final = 10
FEWEST_BANDS: Final = 2
# What a first set of bands is named.
_FIRST: Final = ("cold", "warm")


@dataclass(frozen=True, slots=True)
class TypedFrame:
    """A frame as its fields have it: texts. bands: of key and least points."""

    floor: str = ""
    cap: str = ""
    is_apart: bool = False
    bands: tuple[tuple[str, str], ...] = field(default=())

    @classmethod
    def of(cls, frame: Mapping[str, Any]) -> TypedFrame:
        """Return a frame of the API's as its fields show it."""
        return cls(
            _text(frame["floor"]),
            _text(frame["cap"]),
            frame.get("apart", False),
            tuple((band["key"], _text(band["min"])) for band in frame["bands"]),
        )

    @classmethod
    def sent(cls, form: Form) -> TypedFrame:
        """Return what was typed."""
        bands = zip(form.texts("band"), form.texts("min"), strict=False)
        return cls(form.text("floor"), form.text("cap"), form.is_set("apart"), tuple(bands))

    def with_band(self) -> TypedFrame:
        """Return the form with one more band, to be filled in; of none, with the first two."""
        if not self.bands:
            return replace(self, bands=((_FIRST[0], ""), (_FIRST[1], "")))
        return replace(self, bands=(*self.bands, ("", "")))

    def without_band(self, place: int) -> TypedFrame:
        """Return the form without a band; one alone would be none."""
        left = [band for number, band in enumerate(self.bands) if number != place]
        if len(left) < FEWEST_BANDS:
            return replace(self, bands=())
        # The lowest band has no lower end.
        return replace(self, bands=((left[0][0], ""), *left[1:]))

    def body(self, *, of_group: bool) -> dict[str, Any]:
        """Return the frame as the API takes it: without bands that are empty.

        A text that is no number is sent as it is, and refused by its field.
        """
        bands = [{"key": key, "min": _number(least)} for key, least in self.bands if key or least]
        frame: dict[str, Any] = {"floor": _number(self.floor), "cap": _number(self.cap), "bands": bands}
        return {**frame, "apart": self.is_apart} if of_group else frame


def _text(value: int | None) -> str:
    return "" if value is None else str(value)


def _number(text: str) -> int | str | None:
    try:
        return int(text) if text else None
    except ValueError:
        return text
