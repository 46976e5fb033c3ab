"""Bounds and bands of the draft: of overall and of each group, and which groups are apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from consumer.web.console.api_client import ApiProblem
from consumer.web.console.profiles.band_range import BandRange, band_range
from consumer.web.console.profiles.frame_form import MOST_BANDS, TypedFrame
from consumer.web.console.profiles.profile_page import load, quoted
from consumer.web.console.profiles.stale import is_kept, is_stale
from consumer.web.console.visit import Faults

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.profiles.profile_page import ProfilePage
    from consumer.web.console.visit import Visit

_PLAIN: dict[str, Any] = {"floor": None, "cap": None, "apart": False, "bands": []}


@dataclass(frozen=True, slots=True)
class Axis:
    """Overall (group None), or a group: its form, and what is stored, drawn.

    by_field: what is wrong, by the field of its frame. is_added: a band was added that is to be filled in.
    said: the frame in words. live: what readers see, in words, where that is something else.
    """

    group: str | None
    name: str
    place: int
    frame: dict[str, Any]
    typed: TypedFrame
    drawing: BandRange | None
    by_field: dict[str, str]
    is_stale: bool
    is_added: bool
    said: str
    live: str

    @property
    def id(self) -> str:
        """The part of the ids of its elements."""
        return self.group or "overall"

    @property
    def may_add(self) -> bool:
        """Whether it can have one band more."""
        return len(self.typed.bands) < MOST_BANDS

    @property
    def faults(self) -> list[str]:
        """What is wrong, in the API's words."""
        return [*dict.fromkeys(self.by_field.values())]

    def fault(self, field: str) -> str:
        """Return what is wrong with a field, or with a part of it; empty: nothing."""
        return Faults(self.by_field).at(field)


async def show(visit: Visit) -> Response:
    """Show the bounds and bands of the draft."""
    return await _page(await load(visit))


async def save(visit: Visit) -> Response:
    """Save those of one axis; or show its form with a band more, which is to be filled in."""
    page = await load(visit)
    form, group = visit.form, visit.form.text("group") or None
    typed = TypedFrame.sent(form)
    if form.is_set("add"):
        return await _page(page, _Typed(group, typed.with_band(), is_added=True))
    if form.text("remove"):
        place = form.number("remove")
        typed = typed.without_band(place if isinstance(place, int) else -1)
    if group is None:
        body: dict[str, Any] = {"overall": typed.body(of_group=False)}
    else:
        body = {"groups": {**page.profile["groups"], group: typed.body(of_group=True)}}
    try:
        await visit.api.send("PATCH", page.path, body, revision=quoted(form.text("revision")))
    except ApiProblem as problem:
        if not is_kept(problem):
            raise
        return await _page(page, _Typed(group, typed, problem))
    return visit.redirect(page.url("bounds", saved=group or "overall"))


@dataclass(frozen=True, slots=True)
class _Typed:
    """What was typed for one axis, and why it was refused."""

    group: str | None
    frame: TypedFrame
    problem: ApiProblem | None = None
    is_added: bool = False

    @property
    def is_stale(self) -> bool:
        return self.problem is not None and is_stale(self.problem)

    @property
    def faults(self) -> dict[str, str]:
        """What is wrong, by the field of the frame; that of none, where the API names none."""
        if self.problem is None or self.is_stale:
            return {}
        field = "overall" if self.group is None else f"groups.{self.group}"
        found = Faults.of(self.problem)
        by_field = {
            name.removeprefix(field).removeprefix("."): detail for name, detail in found.by_field.items()
        }
        return by_field or {"": found.detail}


async def _page(page: ProfilePage, typed: _Typed | None = None) -> Response:
    published = await _published(page)
    wording, draft = page.wording(), page.profile

    def axis(group: str | None, name: str, place: int) -> Axis:
        frame = draft["overall"] if group is None else draft["groups"].get(group, _PLAIN)
        mine = typed if typed is not None and typed.group == group else None
        live = _frame_of(published, group)
        return Axis(
            group,
            name,
            place,
            frame,
            mine.frame if mine else TypedFrame.of(frame),
            band_range(frame),
            mine.faults if mine else {},
            is_stale=mine is not None and mine.is_stale,
            is_added=mine is not None and mine.is_added,
            said=wording.frame(frame),
            live="" if live is None or live == frame else wording.frame(live),
        )

    return page.show(
        "profiles/bounds.html",
        "bounds",
        status=typed.problem.status if typed and typed.problem else 200,
        axes=[
            axis(None, page.visit.say("Overall"), 0),
            *(
                axis(each["key"], each["name"], place)
                for place, each in enumerate(page.groups)
                if not each["deleted"]
            ),
        ],
        last_change=await page.last_change() if typed and typed.is_stale else None,
        saved=page.visit.request.query_params.get("saved", ""),
    )


async def _published(page: ProfilePage) -> dict[str, Any] | None:
    version = page.profile["version"]
    if version is None:
        return None
    found: dict[str, Any] = (await page.visit.api.get(f"{page.path}/versions/{version}")).body
    return found


def _frame_of(published: dict[str, Any] | None, group: str | None) -> dict[str, Any] | None:
    """Return the frame that readers see; None: nothing is published."""
    if published is None:
        return None
    frame: dict[str, Any] = published["overall"] if group is None else published["groups"].get(group, _PLAIN)
    return frame
