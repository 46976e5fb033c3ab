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
        return (self._visit.say(" and ") if how == "all" else self._visit.say(" or ")).join(parts)

    def _row(self, row: Row) -> str:
        said: str = getattr(self, f"_{row.kind}")(row)
        return self._visit.say("not %(condition)s", condition=said) if row.negated else said

    def _score(self, row: Row) -> str:
        return f"{self._of_group(row)} {self._range(row)}"

    def _of_group(self, row: Row) -> str:
        group = row.value("group")
        return self._groups.get(group, group) or self._visit.say("score")

    def _range(self, row: Row) -> str:
        say, low, high = self._visit.say, row.value("min"), row.value("max")
        if low and high:
            return low if low == high else say("from %(low)s to %(high)s", low=low, high=high)
        return say("at least %(low)s", low=low) if low else say("at most %(high)s", high=high)

    def _band(self, row: Row) -> str:
        return self._visit.say(
            "%(what)s is %(bands)s", what=self._of_group(row), bands=self._listed(row.several)
        )

    def _count(self, row: Row) -> str:
        say, names = self._visit.say, self._names(row.several)
        if row.value("max") == "0":
            said = say("%(names)s never counted", names=names)
        else:
            said = say("%(names)s counted %(times)s times", names=names, times=self._range(row))
        if days := row.value("within_days"):
            return say("%(said)s in %(days)s days", said=said, days=days)
        return said

    def _last_event(self, row: Row) -> str:
        say, days = self._visit.say, row.value("days")
        what = self._names(row.several) if row.several else say("any event")
        if row.which == "within_days":
            return say("%(what)s in the last %(days)s days", what=what, days=days)
        return say("%(what)s not for %(days)s days", what=what, days=days)

    def _owner(self, row: Row) -> str:
        if row.which == "unassigned":
            return self._visit.say("without an owner")
        return self._visit.say("owned by %(names)s", names=self._listed(row.several))

    def _tags(self, row: Row) -> str:
        if row.which == "all_of":
            joined = self._visit.say(" and ").join(row.several)
            return self._visit.say("tagged %(tags)s", tags=joined)
        return self._visit.say("tagged %(tags)s", tags=self._listed(row.several))

    def _first_seen(self, row: Row) -> str:
        say, days = self._visit.say, row.value("days")
        if row.which == "within_days":
            return say("first seen in the last %(days)s days", days=days)
        return say("first seen more than %(days)s days ago", days=days)

    def _names(self, keys: list[str]) -> str:
        return self._listed([self._definitions.get(key, key) for key in keys])

    def _listed(self, texts: list[str]) -> str:
        return self._visit.say(" or ").join(texts)
