"""The page on which a segment is made or changed: conditions, how many contacts fit them, and its name."""

from __future__ import annotations

import asyncio
import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from consumer.web.console.api_client import ApiProblem, part
from consumer.web.console.bands import Bands, read_bands
from consumer.web.console.segments.draft import Draft, Row
from consumer.web.console.segments.from_filters import draft_of_list
from consumer.web.console.visit import Done, Faults

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Visit

_INVALID, _CONFLICT, _STALE, _BUSY = 422, 409, 412, frozenset({429, 503})
_LONGEST_KEY: Final = 64
_SAVE, _COUNT = "save", "count"


@dataclass
class Edited:
    """What the page has. stored: the key of the segment that is changed, None of a new one. revision: of that.

    left_out: what of a list is no condition, in words.
    """

    draft: Draft
    name: str = ""
    key: str = ""
    description: str = ""
    profile: str = ""
    stored: str | None = None
    revision: str = ""
    left_out: list[str] = field(default_factory=list)

    def body(self) -> dict[str, Any]:
        """Return the segment as the API takes it, but for its key."""
        return {
            "name": self.name,
            "description": self.description,
            "profile": self.profile or None,
            "match": self.draft.match(),
        }


@dataclass(frozen=True, slots=True)
class Counted:
    """How many contacts fit. contacts: None if they could not be counted. why: what is missing still."""

    contacts: int | None = None
    why: str = ""


async def show_new(visit: Visit) -> Response:
    """Show the form of a new segment: of the list in the address, if it names one."""
    draft, profile, left_out = await draft_of_list(visit)
    return await _show(visit, Edited(draft, profile=profile, left_out=left_out))


async def show_stored(visit: Visit) -> Response:
    """Show the form of a segment."""
    key = visit.request.path_params["segment"]
    return await _show(visit, await _stored(visit, key))


async def _stored(visit: Visit, key: str) -> Edited:
    # A list has all that is needed, and does not count.
    found = (await visit.api.get("segments", renew=False)).body["items"]
    segment = next((each for each in found if each["key"] == key), None)
    if segment is None:
        segment = (await visit.api.get(f"segments/{part(key)}")).body
    return Edited(
        Draft.of(segment["match"]),
        segment["name"],
        key,
        segment["description"],
        segment["profile"] or "",
        key,
        segment["revision"],
    )


async def answer_new(visit: Visit) -> Response:
    """Create a segment, or answer with the form as it is by now."""
    return await _answer(visit, _typed(visit, None))


async def answer_stored(visit: Visit) -> Response:
    """Change a segment, or answer with the form as it is by now."""
    return await _answer(visit, _typed(visit, visit.request.path_params["segment"]))


def _typed(visit: Visit, stored: str | None) -> Edited:
    form = visit.form
    draft = Draft.typed(form)
    draft.changed(form.text("do"))
    return Edited(
        draft,
        name=form.text("name"),
        key=stored or form.text("key"),
        description=form.text("description"),
        profile=form.text("profile"),
        stored=stored,
        revision=form.text("revision"),
    )


async def _answer(visit: Visit, edited: Edited) -> Response:
    do = visit.form.text("do")
    if do == _COUNT:
        return await _show(visit, edited, counted=await _count(visit, edited))
    if do != _SAVE:
        return await _show(visit, edited)
    try:
        return await _save(visit, edited)
    except ApiProblem as problem:
        if problem.status == _STALE:
            edited.revision = (await _stored(visit, str(edited.stored))).revision
            return await _show(visit, edited, status=_STALE, is_stale=True)
        if problem.status == _CONFLICT:
            faults = Faults({"key": problem.detail}, problem.detail)
            return await _show(visit, edited, faults=faults, status=_CONFLICT)
        if problem.status != _INVALID:
            raise
        return await _show(visit, edited, faults=Faults.of(problem), status=_INVALID)


async def _save(visit: Visit, edited: Edited) -> Response:
    if edited.stored:
        path, revision = f"segments/{part(edited.stored)}", edited.revision
        await visit.api.send("PATCH", path, edited.body(), revision=revision)
        done = visit.say("Segment %(name)s was changed.", name=edited.name)
    else:
        edited.key = edited.key or key_of(edited.name)
        await visit.api.send("POST", "segments", {"key": edited.key, **edited.body()})
        done = visit.say("Segment %(name)s was created: these are its members.", name=edited.name)
    to = visit.url("segments") if edited.stored else visit.url("leads", segment=edited.key)
    return visit.redirect(to, Done(done))


def key_of(name: str) -> str:
    """Return a key made of a name."""
    letters = "".join(each if each.isalnum() or unicodedata.combining(each) else " " for each in _parts(name))
    plain = letters.encode("ascii", "ignore").decode().lower()
    key = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    return (key if key[:1].isalpha() else f"segment_{key}".rstrip("_"))[:_LONGEST_KEY]


def _parts(text: str) -> str:
    """Return a text with accents apart from their letters."""
    return unicodedata.normalize("NFKD", text)


async def _count(visit: Visit, edited: Edited) -> Counted:
    body = {"profile": edited.profile or None, "match": edited.draft.match()}
    try:
        found = (await visit.api.send("POST", "segments/count", body)).body
    except ApiProblem as problem:
        if problem.status in _BUSY:
            return Counted(why=problem.detail)
        if problem.status != _INVALID:
            raise
        return Counted(why=visit.say("Complete the conditions to see how many contacts fit."))
    if found["contacts"] is None:
        return Counted(why=visit.say("Too many contacts to count them in ten seconds."))
    return Counted(found["contacts"])


async def _show(
    visit: Visit,
    edited: Edited,
    *,
    faults: Faults | None = None,
    status: int = 200,
    counted: Counted | None = None,
    is_stale: bool = False,
) -> Response:
    groups, definitions, profiles = await asyncio.gather(
        visit.api.get("groups"), visit.api.get("definitions"), visit.api.get("profiles")
    )
    faults = faults or Faults()
    return visit.page(
        "segments/builder.html",
        status=status,
        edited=edited,
        faults=faults,
        row_faults=edited.draft.faults(faults),
        counted=counted,
        is_stale=is_stale,
        groups=[each for each in groups.body["items"] if not each["deleted"]],
        definitions=definitions.body["items"],
        names={each["key"]: each["name"] for each in definitions.body["items"]},
        profiles=profiles.body["items"],
        bands=await _bands(visit, edited, profiles.body["items"]),
        is_row=lambda item: isinstance(item, Row),
        url=visit.url("segments", "edit", edited.stored) if edited.stored else visit.url("segments", "new"),
    )


async def _bands(visit: Visit, edited: Edited, profiles: list[dict[str, Any]]) -> Bands:
    profile = next(
        (each for each in profiles if (each["key"] == edited.profile if edited.profile else each["primary"])),
        None,
    )
    if profile is None or profile["version"] is None:
        return Bands()
    return await read_bands(visit, profile["key"], profile["version"])
