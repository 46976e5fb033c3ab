"""Frames of a profile in the form of documents, in which drafts store them too (consumer/domain/frame.py)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from consumer.domain.frame import PLAIN, Band, Frame

if TYPE_CHECKING:
    from collections.abc import Mapping


def frame_mapping(frame: Frame) -> dict[str, Any]:
    """Return a frame in the form of a document: what it bounds, and nothing else."""
    bounds = {
        name: value for name, value in (("floor", frame.floor), ("cap", frame.cap)) if value is not None
    }
    apart = {"apart": True} if frame.apart else {}
    bands = {"bands": [_band_mapping(band) for band in frame.bands]} if frame.bands else {}
    return {**bounds, **apart, **bands}


def frames_mapping(frames: Mapping[str, Frame]) -> dict[str, dict[str, Any]]:
    """Return the frames of groups in the form of a document, in the order of their keys."""
    return {key: frame_mapping(frames[key]) for key in sorted(frames)}


def frame_from_mapping(values: Mapping[str, Any]) -> Frame:
    """Return the frame of a mapping that `frame_mapping` returned."""
    bands = tuple(Band(band["key"], band.get("min")) for band in values.get("bands", ()))
    return Frame(values.get("floor"), values.get("cap"), values.get("apart", False), bands)


def frames_by_name(overall: Frame, groups: Mapping[str, Frame]) -> dict[str, Frame]:
    """Return the frames that are not plain, by the names of fields: `overall`, and `groups.KEY` of groups."""
    named = {"overall": overall, **{f"groups.{key}": groups[key] for key in sorted(groups)}}
    return {name: frame for name, frame in named.items() if frame != PLAIN}


def _band_mapping(band: Band) -> dict[str, Any]:
    return {"key": band.key} if band.least is None else {"key": band.key, "min": band.least}
