"""A segment's rule in words, for the list of segments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.web.console.segments.draft import Block, Draft, Row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from consumer.web.console.visit import Visit


class Words:
    """Rules in the reader's language. names: of groups and definitions, by key."""

    def __init__(self, visit: Visit, groups: Mapping[str, str], definitions: Mapping[str, str]) -> None:
        self._visit = visit
        self._groups = groups
        self._definitions = definitions

    def match(self, match: Mapping[str, Any]) -> str:
        """Return a rule in one sentence."""
        draft = Draft.of(match)
        return self._joined(
            draft.how,
            [
                f"({self._joined(each.how, [self._row(row) for row in each.rows])})"
                if isinstance(each, Block)
                else self._row(each)
                for each in draft.items
            ],
        )

    def _joined(self, how: str, parts: list[str]) -> str:
        return (self._visit.text(" and ") if how == "all" else self._visit.text(" or ")).join(parts)

    def _row(self, row: Row) -> str:
        said: str = getattr(self, f"_{row.kind}")(row)
        return self._visit.text("not %(condition)s", condition=said) if row.negated else said

    def _score(self, row: Row) -> str:
        return f"{self._of_group(row)} {self._range(row)}"

    def _of_group(self, row: Row) -> str:
        group = row.value("group")
        return self._groups.get(group, group) or self._visit.text("score")

    def _range(self, row: Row) -> str:
        text, low, high = self._visit.text, row.value("min"), row.value("max")
        if low and high:
            return low if low == high else text("from %(low)s to %(high)s", low=low, high=high)
        return text("at least %(low)s", low=low) if low else text("at most %(high)s", high=high)

    def _band(self, row: Row) -> str:
        return self._visit.text(
            "%(what)s is %(bands)s", what=self._of_group(row), bands=self._listed(row.several)
        )

    def _count(self, row: Row) -> str:
        text, names = self._visit.text, self._names(row.several)
        if row.value("max") == "0":
            said = text("%(names)s never counted", names=names)
        else:
            said = text("%(names)s counted %(times)s times", names=names, times=self._range(row))
        if days := row.value("within_days"):
            return text("%(said)s in %(days)s days", said=said, days=days)
        return said

    def _last_event(self, row: Row) -> str:
        text, days = self._visit.text, row.value("days")
        what = self._names(row.several) if row.several else text("any event")
        if row.which == "within_days":
            return text("%(what)s in the last %(days)s days", what=what, days=days)
        return text("%(what)s not for %(days)s days", what=what, days=days)

    def _owner(self, row: Row) -> str:
        if row.which == "unassigned":
            return self._visit.text("without an owner")
        return self._visit.text("owned by %(names)s", names=self._listed(row.several))

    def _tags(self, row: Row) -> str:
        if row.which == "all_of":
            joined = self._visit.text(" and ").join(row.several)
            return self._visit.text("tagged %(tags)s", tags=joined)
        return self._visit.text("tagged %(tags)s", tags=self._listed(row.several))

    def _first_seen(self, row: Row) -> str:
        text, days = self._visit.text, row.value("days")
        if row.which == "within_days":
            return text("first seen in the last %(days)s days", days=days)
        return text("first seen more than %(days)s days ago", days=days)

    def _names(self, keys: list[str]) -> str:
        return self._listed([self._definitions.get(key, key) for key in keys])

    def _listed(self, texts: list[str]) -> str:
        return self._visit.text(" or ").join(texts)
