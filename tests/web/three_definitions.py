"""A catalog of two groups and three definitions, without dedup, for tests of lists and segments."""

from __future__ import annotations

GROUPS = [{"key": key, "name": key.title(), "icon": "cart"} for key in ("purchase", "mail")]
POINTS = {"deal.won": ("purchase", 10), "deal.lost": ("purchase", -4), "mail.read": ("mail", 3)}
DEFINITIONS = [
    {
        "key": event_type.replace(".", "_"),
        "name": event_type,
        "group": group,
        "icon": "trophy",
        "default_points": points,
        "events": [event_type],
    }
    for event_type, (group, points) in POINTS.items()
]
