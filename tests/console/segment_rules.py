"""Rules of segments, as tests give them to forms and to the API."""

from __future__ import annotations

from typing import Any

# A rule with every kind of condition, and what a form has of it.
EVERYTHING: dict[str, Any] = {
    "all": [
        {"score": {"min": 10, "max": 60}},
        {"not": {"score": {"group": "purchase", "max": 5}}},
        {"band": {"in": ["warm", "hot"]}},
        {
            "any": [
                {"count": {"definitions": ["deal_won", "email_opened"], "min": 1, "within_days": 30}},
                {"last_event": {"definitions": ["deal_won"], "not_within_days": 14}},
                {"last_event": {"within_days": 7}},
            ]
        },
        {"owner": {"any_of": ["rosa", "Doe, Jane"]}},
        {"not": {"owner": {"unassigned": True}}},
        {"tags": {"all_of": ["vip", "renewal"]}},
        {"first_seen": {"within_days": 90}},
    ]
}
HOT = {"all": [{"score": {"min": 50}}]}
WARM = {"all": [{"score": {"min": 20, "max": 49}}]}
