"""The texts of the console in its languages."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.pofile import read_po

import consumer.web.console
from consumer.web.console.navigation import PARTS
from consumer.web.console.texts import LANGUAGES
from tests.console.sample import sales_account

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from babel.messages.catalog import Catalog

    from tests.console.console_client import Console
    from tests.pipeline.service import Service

_CONSOLE = Path(consumer.web.console.__file__).parent
_OTHERS = sorted(set(LANGUAGES) - {"en"})
_PLACEHOLDER = re.compile(r"%\(\w+\)s|\{\w+\}")
_BLOCK = re.compile(r"\{%-?\s*trans\b(.*?)%\}(.*?)\{%-?\s*endtrans", re.DOTALL)
# As in the Makefile: what marks a text.
_KEYWORDS: dict[str, Any] = {**DEFAULT_KEYWORDS, "N_": None, "say": None}


def _catalog(language: str) -> Catalog:
    with (_CONSOLE / "translations" / f"{language}.po").open("rb") as file:
        return read_po(file, locale=language)


def _extracted() -> set[Any]:
    """Return all texts of the code, with their plurals."""
    pyproject = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))
    mappings = pyproject["tool"]["babel"]["mappings"]
    methods = [(each["pattern"], each["method"]) for each in mappings]
    options = {
        each["pattern"]: {name: value for name, value in each.items() if name not in {"pattern", "method"}}
        for each in mappings
    }
    found = extract_from_dir(str(_CONSOLE), methods, options, keywords=_KEYWORDS)
    return {message for _, _, message, _, _ in found}


def _singulars(texts: Iterable[Any]) -> set[str]:
    """Return texts by which they are found: a text with a plural is found by its singular too."""
    return {_parts(text)[0] for text in texts}


def _parts(text: Any) -> list[str]:
    """Return a text, or its singular and plural."""
    return [text] if isinstance(text, str) else [*text]


@pytest.mark.parametrize("language", _OTHERS)
def test_a_language_has_every_text(language: str) -> None:
    """Each text of the console is in each language, and none that the console no longer has (`make texts`)."""
    translated = {message.id: message.string for message in _catalog(language) if message.id}
    assert _singulars(translated) == _singulars(_extracted())
    assert [id_ for id_, said in translated.items() if not all(_parts(said))] == []


@pytest.mark.parametrize("language", _OTHERS)
def test_a_translation_names_the_same_values(language: str) -> None:
    """A translation has the placeholders of its text: a page cannot fail in another language alone."""
    wrong = {}
    for message in _catalog(language):
        ids, said = _parts(message.id), _parts(message.string)
        allowed = {name for each in ids for name in _PLACEHOLDER.findall(each)}
        wanted = set(_PLACEHOLDER.findall(ids[-1]))
        for number, each in enumerate(said):
            named = set(_PLACEHOLDER.findall(each))
            if not named <= allowed or (named != wanted and number == len(said) - 1):
                wrong[str(message.id)] = each
    assert wrong == {}


def test_plurals_are_chosen_by_numbers() -> None:
    """What chooses between singular and plural, the first value of a text, is a number and no text made of it."""
    blocks = [
        (template.name, named)
        for template in (_CONSOLE / "templates").rglob("*.html")
        for named, text in _BLOCK.findall(template.read_text("utf-8"))
        if "pluralize" in text
    ]
    assert len(blocks) > 10
    assert [block for block in blocks if "reader." in block[1].partition(",")[0]] == []


async def test_every_part_speaks_portuguese(
    console: Console, worker: Service, new_account: Callable[..., Awaitable[str]]
) -> None:
    """A browser that asks for Portuguese gets every part of the navigation, and a contact, in it."""
    account = await sales_account(worker, new_account)
    person = await console.as_(account)
    person.headers["accept-language"] = "pt-BR,pt;q=0.9,en;q=0.5"
    for path in (
        *(part.path for part in PARTS),
        "start",
        "contacts/ann",
        "catalog/new",
        "profiles/lead_score",
    ):
        page = await person.open(f"/console/{account}/{path}")
        assert page.status_code == 200, path
        assert 'lang="pt-BR"' in page.text
        assert "Perfis de pontuação" in page.text
        assert "Skip to content" not in page.text
