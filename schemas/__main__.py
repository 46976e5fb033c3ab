"""`python -m schemas`: writes the JSON Schemas of the models to schemas/json.

A test fails while a file differs from its model.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from schemas.events import MODELS
from schemas.published import MESSAGES

if TYPE_CHECKING:
    from pydantic import BaseModel

FOLDER: Final = Path(__file__).parent / "json"
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def models() -> dict[str, type[BaseModel]]:
    """Return the model of each file: one for the `data` of a product, one for the messages of an output topic."""
    types: dict[type[BaseModel], list[str]] = {}
    for kind, model in MODELS.items():
        types.setdefault(model, []).append(kind)
    return {_file(kinds): model for model, kinds in types.items()} | {
        f"{topic}.json": model for topic, model in MESSAGES.items()
    }


def documents() -> dict[str, str]:
    """Return the text of each file."""
    return {
        name: json.dumps({"$schema": _DIALECT} | model.model_json_schema(), indent=2, ensure_ascii=False)
        + "\n"
        for name, model in models().items()
    }


def main() -> None:
    """Write the files that changed, remove those without a model, and print their names."""
    expected = documents()
    FOLDER.mkdir(exist_ok=True)
    for path in sorted(FOLDER.glob("*.json")):
        if path.name not in expected:
            path.unlink()
            sys.stdout.write(f"removed {path.name}\n")
    for name, text in expected.items():
        path = FOLDER / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"wrote {path.name}\n")


def _file(kinds: list[str]) -> str:
    """Name the file after its only type, or after the common first part of several."""
    return f"{kinds[0] if len(kinds) == 1 else kinds[0].partition('.')[0]}.json"


if __name__ == "__main__":
    main()
