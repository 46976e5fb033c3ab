"""What all pages of one profile have in common: the profile, its groups, a publish that runs, and what waits."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from consumer.web.console.api_client import part
from consumer.web.console.profiles.differences import Wording, worded

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.profiles.differences import Change
    from consumer.web.console.visit import Visit


@dataclass(frozen=True)
class ProfilePage:
    """A profile as its pages show it.

    profile: as the API has it, with its definitions. groups: of the catalog, in order. publish: the one that runs,
    or None. waits: what a publish would change of what readers see, in words; empty where nothing is published yet.
    """

    visit: Visit
    profile: dict[str, Any]
    groups: list[dict[str, Any]]
    publish: dict[str, Any] | None
    waits: list[Change]

    @property
    def key(self) -> str:
        """The key of the profile."""
        key: str = self.profile["key"]
        return key

    @property
    def path(self) -> str:
        """The API's path of the profile."""
        return f"profiles/{part(self.key)}"

    @property
    def may_change(self) -> bool:
        """Whether the person may change the draft."""
        return self.visit.can("manage") and not self.profile["archived"]

    def url(self, *parts: str, **parameters: object) -> str:
        """Return the address of a page of this profile."""
        return self.visit.url("profiles", self.key, *parts, **parameters)

    def group_place(self, key: str) -> int:
        """Return the place of a group among those of the account, which gives its colour."""
        return next((place for place, each in enumerate(self.groups) if each["key"] == key), 0)

    def group_name(self, key: str) -> str:
        """Return the name of a group; its key where there is no such group any more."""
        return next((each["name"] for each in self.groups if each["key"] == key), key)

    def definition_name(self, key: str) -> str:
        """Return the name of a definition; its key where there is no such definition any more."""
        named = (each["name"] for each in self.profile["definitions"] if each["definition"] == key)
        name: str = next(named, key)
        return name

    async def last_change(self) -> dict[str, Any] | None:
        """Return who has changed the profile last, and when: an entry of the audit trail. Raises ApiProblem."""
        found = await self.visit.api.get("audit", subject="profile", key=self.key, limit=1)
        return next(iter(found.body["items"]), None)

    def wording(self) -> Wording:
        """Return what puts differences of this profile into words."""
        return Wording(
            self.visit,
            {each["definition"]: each["name"] for each in self.profile["definitions"]},
            {each["key"]: each["name"] for each in self.groups},
        )

    def show(self, template: str, tab: str, *, status: int = 200, **context: Any) -> Response:
        """Return a page of the profile."""
        return self.visit.page(template, status=status, **self.frame(tab), **context)

    def frame(self, tab: str) -> dict[str, Any]:
        """Return what the frame of the profile's pages needs."""
        return {"page": self, "profile": self.profile, "tab": tab}


async def load(visit: Visit) -> ProfilePage:
    """Return the profile that the path names. Raises ApiProblem."""
    key = visit.request.path_params["profile"]
    path = f"profiles/{part(key)}"
    found, groups = await asyncio.gather(visit.api.get(path), visit.api.get("groups"))
    profile = found.body
    page = ProfilePage(visit, profile, groups.body["items"], None, [])
    publish, waits = await asyncio.gather(_running(page), _waits(page))
    return ProfilePage(visit, profile, page.groups, publish, waits)


async def _running(page: ProfilePage) -> dict[str, Any] | None:
    if not page.profile["publish_runs"]:
        return None
    newest = (await page.visit.api.get(f"{page.path}/publishes", limit=1)).body["items"]
    return newest[0] if newest and newest[0]["ended_at"] is None else None


async def _waits(page: ProfilePage) -> list[Change]:
    profile = page.profile
    if profile["version"] is None or not profile["pending"]:
        return []
    difference = await page.visit.api.get(f"{page.path}/difference", before=profile["version"])
    return worded(difference.body["differences"], page.wording())


def quoted(revision: str) -> str:
    """Return a revision as `If-Match` has it."""
    return f'"{revision}"'
