"""The texts of the console: English in the code, other languages in `translations/LANGUAGE.po`.

Catalogs are read as translators write them; nothing has to be compiled.
"""

from __future__ import annotations

import io
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib import resources
from typing import Final

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LANGUAGES: Final = {"en": "English", "pt": "Português"}
_FOLDER = resources.files(__package__) / "translations"


@cache
def of(language: str) -> NullTranslations:
    """Return the texts in one of LANGUAGES."""
    if language == "en":
        return NullTranslations()
    compiled = io.BytesIO()
    with (_FOLDER / f"{language}.po").open("rb") as source:
        write_mo(compiled, read_po(source, locale=language))
    compiled.seek(0)
    return GNUTranslations(compiled)
