"""Rules of segments, as tests give them to forms and to the API."""

from __future__ import annotations

from typing import Any

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
_FIELD = re.compile(
    r'<input type="(?P<type>hidden|number|text|checkbox)"[^>]*?name="(?P<name>[^"]+)"[^>]*?value="(?P<value>[^"]*)"'
    r"(?P<more>[^>]*)>"
    r'|<select name="(?P<select>[^"]+)"[^>]*>(?P<options>.*?)</select>'
    r'|<textarea name="(?P<area>[^"]+)"[^>]*>(?P<lines>[^<]*)</textarea>',
    re.DOTALL,
)
_SELECTED, _FIRST = re.compile(r'<option value="([^"]*)" selected'), re.compile(r'<option value="([^"]*)"')


def _fields(page: httpx.Response) -> dict[str, Any]:
    """Return what a browser would send of the form of the page, by name; several of a name as a list."""
    found: dict[str, Any] = {}
    form = page.text[
        page.text.index('id="builder"') : page.text.index("</form>", page.text.index('id="builder"'))
    ]
    for each in _FIELD.finditer(form):
        name, value = each["name"], each["value"]
        if each["type"] == "checkbox" and "checked" not in each["more"]:
            continue
        if each["select"]:
            chosen = _SELECTED.search(each["options"]) or _FIRST.search(each["options"])
            name, value = each["select"], chosen[1] if chosen else ""
        elif each["area"]:
            name, value = each["area"], each["lines"]
        found.setdefault(html.unescape(name), []).append(html.unescape(value))
    found.pop("csrf")
    return {name: values if len(values) > 1 else values[0] for name, values in found.items()}


async def _account(
    console: Console, worker: Service, new_account: NewAccount, **segments: Any
) -> tuple[Person, str, Client]:
    account = await leads_account(worker, new_account, 30)
    client = console.api.as_(account)
    for key, match in segments.items():
        made = await client.post("/segments", json={"key": key, "name": key.title(), "match": match})
        assert made.status_code == 201, made.text
    return await console.as_(account), f"/console/{account}/segments", client


HOT = {"all": [{"score": {"min": 50}}]}
WARM = {"all": [{"score": {"min": 20, "max": 49}}]}
