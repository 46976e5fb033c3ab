"""Archived profiles: no scores and no messages, not listed, and not changed until they are drafts again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from consumer.scoring import profile_publish
from consumer.web.http.problems import conflict

if TYPE_CHECKING:
    from collections.abc import Callable

    from consumer.catalog.model.account import AccountCatalog, Profile


def active_profiles(state: AccountCatalog) -> dict[str, Profile]:
    """Return the profiles that are not archived, in display order."""
    return {key: profile for key, profile in state.profiles.items() if not profile.archived}


def with_archived(
    before: AccountCatalog,
    key: str,
    *,
    archived: bool,
    change: Callable[[AccountCatalog], AccountCatalog],
) -> AccountCatalog:
    """Return the catalog after a change of a profile, which is archived then or not.

    An archived profile is made a draft first, or is refused every change (409); one is archived last.
    """
    profile = before.profiles[key]
    if profile.archived and archived:
        changed = change(_with(before, replace(profile, archived=False)))
        if changed.profiles[key] != replace(profile, archived=False):
            profile_publish.require_active(profile)
        return before
    if profile.archived:
        return change(_with(before, replace(profile, archived=False)))
    changed = change(before)
    return _with(changed, _archived(changed.profiles[key])) if archived else changed


def _archived(profile: Profile) -> Profile:
    if profile.primary:
        raise conflict("the primary profile cannot be archived: make another profile primary first")
    if profile.publish_runs:
        raise conflict("a publish of the profile is running: cancel it first, and wait until it has ended")
    return replace(profile, archived=True, version=None)


def _with(state: AccountCatalog, profile: Profile) -> AccountCatalog:
    return replace(state, profiles={**state.profiles, profile.key: profile})
