"""Creates and changes a definition. While it is typed, the form is checked by the API, which stores nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from consumer.web.console.api_client import ApiProblem, part
from consumer.web.console.catalog import count_past, form_page
from consumer.web.console.catalog.definition_form import DefinitionForm, of_definition, typed
from consumer.web.console.catalog.try_event import as_text
from consumer.web.console.reader import instant
from consumer.web.console.visit import Done

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Visit

_FAULTY: Final = (409, 412, 422)
_CHANGED: Final = 412


async def show_new(visit: Visit) -> Response:
    """Show the form of a new definition; `inbox`: of a type in the inbox, `group`: for a group."""
    asked = visit.request.query_params
    if event_type := asked.get("inbox"):
        return await form_page.show(visit, await _from_inbox(visit, event_type))
    return await form_page.show(visit, DefinitionForm(group=asked.get("group", ""), events=[""]))


async def _from_inbox(visit: Visit, event_type: str) -> DefinitionForm:
    samples, page = await asyncio.gather(
        visit.api.get("event-samples", type=event_type), visit.api.get("inbox", limit=200)
    )
    words = "".join(each if each.isalnum() else " " for each in event_type).split()
    entry = next((each for each in page.body["items"] if each["type"] == event_type), None)
    since = instant(entry["first_seen_at"]).astimezone(visit.reader.zone).date().isoformat() if entry else ""
    found = samples.body["samples"]
    return DefinitionForm(
        key="_".join(words).lower(),
        name=" ".join(words).capitalize(),
        events=[event_type],
        inbox=event_type,
        since=since,
        sample=as_text(found[0]) if found else "",
    )


async def create(visit: Visit) -> Response:
    """Create a definition, or check what is typed so far."""
    form = typed(visit.form)
    if (answer := await form_page.typing(visit, form)) is not None:
        return answer
    body = {"key": form.key, **form.body(await form_page.kinds(visit, form))}
    path, body = ("inbox/definition", {"type": form.inbox, **body}) if form.inbox else ("definitions", body)
    try:
        made = (await visit.api.send("POST", path, body)).body
    except ApiProblem as problem:
        if problem.status not in _FAULTY:
            raise
        return await form_page.show(visit, form, problem=problem)
    said = visit.say("The definition %(name)s was created.", name=made["name"])
    if form.inbox and form.count_past:
        said = f"{said} {await count_past.request(visit, form.since, [form.inbox])}"
    return visit.redirect(visit.url("catalog", "definitions", made["key"]), Done(said))


async def show(visit: Visit) -> Response:
    """Show the form of a definition."""
    found = await visit.api.get(_path(visit))
    return await form_page.show(visit, of_definition(found.body), stored=found.body, revision=found.revision)


async def save(visit: Visit) -> Response:
    """Change a definition, or check what is typed so far."""
    stored, revision = (await visit.api.get(_path(visit))).body, visit.form.text("revision")
    form = replace(typed(visit.form), key=stored["key"])
    kept: dict[str, Any] = {"stored": stored, "revision": revision}
    if (answer := await form_page.typing(visit, form, **kept)) is not None:
        return answer
    body = form.body(await form_page.kinds(visit, form))
    try:
        saved = (await visit.api.send("PATCH", _path(visit), body, revision=revision)).body
    except ApiProblem as problem:
        if problem.status not in _FAULTY:
            raise
        if problem.status == _CHANGED:
            kept["revision"] = f'"{stored["revision"]}"'
        return await form_page.show(visit, form, problem=problem, **kept)
    said = visit.say("%(name)s was saved.", name=saved["name"])
    if saved["edition"] != stored["edition"] and saved["counted"]:
        said = f"{said} {visit.say('The new policy holds for events from now on.')}"
    return visit.redirect(visit.url("catalog", "definitions", stored["key"]), Done(said))


def _path(visit: Visit) -> str:
    return f"definitions/{part(visit.request.path_params['definition'])}"
