"""The page of a definition's form: its checks, the drawing of its policy, and a sample event tried on it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from consumer.web.console.api_client import ApiProblem, part
from consumer.web.console.catalog.dedup_drawing import draw
from consumer.web.console.catalog.definition_form import row_faults
from consumer.web.console.catalog.try_event import as_text, read_event
from consumer.web.console.catalog.words import ATTRIBUTES, OPERATORS, Words
from consumer.web.console.visit import Faults
from schemas.events import PRODUCT_TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.responses import Response

    from consumer.web.console.catalog.definition_form import DefinitionForm
    from consumer.web.console.visit import Visit

_NOT_FOUND, _CHANGED, _INVALID = 404, 412, 422
# Types whose samples are read for one form, and types of the inbox that are proposed.
_SAMPLED: Final = 4
_PROPOSED: Final = 50


@dataclass(frozen=True, slots=True)
class Check:
    """What the API says of a form that is not stored. tried: the result of the sample; None: it was not tried."""

    faults: dict[str, str] = field(default_factory=dict)
    tried: dict[str, Any] | None = None
    others: list[str] = field(default_factory=list)


async def typing(visit: Visit, form: DefinitionForm, **kept: Any) -> Response | None:
    """Return the form as it is, checked, while it is being typed or rows are added; None: it is to be saved."""
    if (changed := form.with_rows_changed(visit.form)) is not None:
        return await show(visit, changed, added=visit.form.text("add"), **kept)
    if visit.form.is_set("check"):
        return await show(visit, form, is_checked=True, **kept)
    return None


async def kinds(visit: Visit, form: DefinitionForm) -> dict[str, str]:
    """Return the kinds of the fields that events of these types have, by path."""
    return _kinds(await _samples(visit, form))


async def show(
    visit: Visit,
    form: DefinitionForm,
    *,
    stored: Mapping[str, Any] | None = None,
    revision: str = "",
    problem: ApiProblem | None = None,
    is_checked: bool = False,
    added: str = "",
) -> Response:
    """Show the form. stored: the definition that it changes. added: a row to be typed in next."""
    words = Words(visit.reader)
    groups, icons, inbox, samples = await asyncio.gather(
        visit.api.get("groups"),
        visit.api.get("icons"),
        visit.api.get("inbox", limit=_PROPOSED),
        _samples(visit, form),
    )
    known = [each for each in groups.body["items"] if not each["deleted"]]
    if not form.group and known:
        form = replace(form, group=known[0]["key"])
    events = [event for each in samples for event in each["samples"]]
    if not form.sample and events and not is_checked:
        form = replace(form, sample=as_text(events[0]))
    check, drawing = await asyncio.gather(
        _check(visit, form, _kinds(samples), is_new=stored is None), draw(visit, words, form.dedup)
    )
    faults = Faults.of(problem) if problem else Faults()
    shown = row_faults(form, faults.by_field) or (check.faults if is_checked else {})
    if problem and problem.status == _CHANGED:
        faults = Faults()
    return visit.page(
        "catalog/definition_form.html",
        status=problem.status if problem else 200,
        form=form,
        stored=stored,
        revision=revision,
        groups=known,
        icons=icons.body["icons"],
        types=_types(inbox.body["items"]),
        fields=_fields(samples),
        operators=OPERATORS,
        attributes=ATTRIBUTES,
        events=events,
        check=check,
        drawing=drawing,
        is_checked=is_checked,
        is_stale=problem is not None and problem.status == _CHANGED,
        added=added,
        words=words,
        faults=faults,
        shown=shown,
    )


async def _samples(visit: Visit, form: DefinitionForm) -> list[dict[str, Any]]:
    types = [each for each in dict.fromkeys(form.events) if each and len(each) <= 256][:_SAMPLED]  # noqa: PLR2004
    found = await asyncio.gather(*(visit.api.get("event-samples", type=each) for each in types))
    return [each.body for each in found]


def _fields(samples: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the paths that samples have shown, each once, those with values first."""
    found: dict[str, dict[str, Any]] = {}
    for sample in samples:
        for each in sample["fields"]:
            if each["path"] is not None and not found.get(each["path"], {}).get("values"):
                found[each["path"]] = each
    return sorted(found.values(), key=lambda each: not each["values"])


def _kinds(samples: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {each["path"]: each["kind"] for each in _fields(samples) if each["kind"] != "list"}


def _types(inbox: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return types to propose: those that nothing takes first, then those of the product."""
    unknown = [each["type"] for each in inbox if each["type"]]
    return [*dict.fromkeys([*unknown, *(each for types in PRODUCT_TYPES.values() for each in types)])]


async def _check(visit: Visit, form: DefinitionForm, seen: Mapping[str, str], *, is_new: bool) -> Check:
    """Ask the API what it thinks of the form, by a trial of the sample, or of an event of the first type alone."""
    faults: dict[str, str] = {}
    event: dict[str, Any] = {"type": next((each for each in form.events if each), "x")}
    try:
        event = read_event(visit, form.sample) if form.sample else event
    except ApiProblem as problem:
        faults["sample"] = problem.detail
    body = {"event": event, "draft": {"key": form.key, **form.body(seen)}}
    tried, is_taken = await asyncio.gather(_try(visit, body), _is_taken(visit, form.key, is_new=is_new))
    if is_taken:
        faults["key"] = visit.say("The definition %(key)s exists already.", key=form.key)
    if isinstance(tried, ApiProblem):
        of_draft = {each["field"].removeprefix("draft."): each["detail"] for each in reversed(tried.errors)}
        of_event = [detail for name, detail in of_draft.items() if name.partition(".")[0] == "event"]
        if of_event:
            faults.setdefault("sample", of_event[0])
        drafted = {name: detail for name, detail in of_draft.items() if name.partition(".")[0] != "event"}
        return Check({**row_faults(form, drafted), **faults})
    if "sample" in faults or not form.sample:
        return Check(faults)
    [own] = [each for each in tried["definitions"] if each["draft"]]
    others = [each["name"] for each in tried["definitions"] if each["takes"] and not each["draft"]]
    return Check(faults, own, others)


async def _try(visit: Visit, body: Mapping[str, Any]) -> dict[str, Any] | ApiProblem:
    try:
        found: dict[str, Any] = (await visit.api.send("POST", "try", body)).body
    except ApiProblem as problem:
        if problem.status != _INVALID:
            raise
        return problem
    return found


async def _is_taken(visit: Visit, key: str, *, is_new: bool) -> bool:
    if not (is_new and key):
        return False
    try:
        await visit.api.get(f"definitions/{part(key)}")
    except ApiProblem as problem:
        if problem.status in {_NOT_FOUND, _INVALID}:
            return False
        raise
    return True
