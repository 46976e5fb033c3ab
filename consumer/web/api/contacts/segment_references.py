"""Checks what a segment names: definitions, groups, the profile, and bands of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.scoring.segments import repository
from consumer.scoring.segments.definition import named_bands, named_keys
from consumer.web.api.contacts.shown_scores import no_band
from consumer.web.http.problems import body_fault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from consumer.infra.postgres.connection import Connection
    from consumer.scoring.segments.definition import Match, Path
    from consumer.scoring.segments.repository import AccountIds
    from consumer.web.http.problems import FieldFault


async def reference_faults(
    connection: Connection, account_id: int, profile: str | None, match: Match | None
) -> list[FieldFault]:
    """Return a fault for each unknown definition, group, profile and band that a segment names."""
    account_ids = await repository.read_account_ids(connection, account_id)
    known = {
        "definition": account_ids.definitions.keys(),
        "group": account_ids.groups.keys() - account_ids.deleted,
    }
    faults: list[FieldFault] = []
    if profile is not None and profile not in account_ids.profiles:
        faults.append(body_fault("profile", f"there is no profile {profile}"))
    for path, what, key in named_keys(match) if match else ():
        if key not in known[what]:
            faults.append(_fault(path, f"there is no {what} {key}"))
    number = account_ids.primary if profile is None else account_ids.profiles.get(profile)
    if number is not None and match and (named := [*named_bands(match)]):
        bands = await repository.read_bands(connection, number)
        faults += [
            _fault(path, detail)
            for path, group, band in named
            if group is None or group in known["group"]
            if (detail := _unknown_band(bands, account_ids, number, group, band))
        ]
    return faults


def _fault(path: Path, detail: str) -> FieldFault:
    return body_fault(".".join(map(str, ("match", *path))), detail)


def _unknown_band(
    bands: Mapping[str, Mapping[int, Sequence[str]]],
    account_ids: AccountIds,
    profile: int,
    group: str | None,
    band: str,
) -> str | None:
    """Return what is wrong with a band that a segment names; None: the profile has it, and keeps it."""
    key = next(key for key, number in account_ids.profiles.items() if number == profile)
    number = 0 if group is None else account_ids.groups[group]
    known = bands.get("published", {}).get(number, ())
    if band not in known:
        return no_band(band, group, key, known)
    if "building" in bands and band not in bands["building"].get(number, ()):
        return f"a publish of profile {key} that is under way takes this band away"
    return None
