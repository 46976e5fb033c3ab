"""The README's table of all settings; `python -m consumer.infra.settings_table` prints it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal, get_args

from consumer.infra.settings import Settings, variable

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def markdown_table() -> str:
    """Return the README's table of all settings."""
    rows = ["| variable | default | meaning |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        default = "required" if field.is_required() else f"`{_displayed(field.default)}`"
        if default == "``":
            default = "none"
        values = [f"`{value}`" for value in _choices(field.annotation)]
        one_of = f" ({', '.join(values)})" if values else ""
        rows.append(f"| `{variable(name)}` | {default} | {field.description}{one_of} |")
    return "\n".join(rows)


def _choices(annotation: Any) -> tuple[str, ...]:
    for option in (annotation, *get_args(annotation)):
        if getattr(option, "__origin__", None) is Literal:
            return get_args(option)
    return ()


def _displayed(value: Any) -> str:
    match value:
        case timedelta():
            seconds = int(value.total_seconds())
            unit = next(unit for unit in "dhms" if seconds % _SECONDS[unit] == 0)
            return f"{seconds // _SECONDS[unit]}{unit}"
        case tuple():
            return ",".join(map(str, value))
        case bool():
            return str(value).lower()
    return "" if value is None else str(value)


if __name__ == "__main__":
    print(markdown_table())  # noqa: T201 - to paste into the README
