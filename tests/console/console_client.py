"""The console as tests call it: the real application over a real database, and people who are signed in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from consumer.infra.telemetry.metrics import Metrics
from consumer.web.console.application import ConsoleApplication
from consumer.web.http.auth import TokenVerifier
from consumer.web.http.jwt_keys import SharedSecret
from tests.web.api_client import EVERYTHING, SECRET, mint

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.web.api_client import Api

_CSRF = re.compile(r'name="csrf-token" content="(\w+)"')


@dataclass
class Console:
    """The application: API and console. Never starts a server."""

    app: ConsoleApplication
    api: Api

    async def as_(
        self, account: str, permissions: Iterable[str] = EVERYTHING, *, actor: str = "ann"
    ) -> Person:
        """Return a person who is signed in."""
        person = Person(transport=httpx.ASGITransport(self.app), base_url="http://console")
        await person.sign_in(mint(account, permissions, actor=actor))
        return person


class Person(httpx.AsyncClient):
    """A client without scripts: it follows links, and sends forms as a browser does, with what was in them."""

    csrf = ""

    async def sign_in(self, token: str) -> httpx.Response:
        """Begin a session with a token."""
        return await self.post("/console/session", headers={"authorization": f"Bearer {token}"})

    async def open(self, path: str, **parameters: Any) -> httpx.Response:
        """Open a page, and follow where it leads."""
        return self._seen(await self.get(path, params=parameters or None, follow_redirects=True))

    async def submit(self, path: str, **fields: Any) -> httpx.Response:
        """Send a form with these fields, and follow where it leads."""
        sent = {"csrf": self.csrf, **fields}
        return self._seen(await self.post(path, data=sent, follow_redirects=True))

    def _seen(self, page: httpx.Response) -> httpx.Response:
        if (token := _CSRF.search(page.text)) is not None:
            self.csrf = token[1]
        return page


def console_over(api: Api, **options: Any) -> Console:
    """Return the console over an API. options: of the application."""
    tokens = TokenVerifier(SharedSecret(SECRET))
    options = {"development": True, **options}
    return Console(ConsoleApplication(api.app, api.app.state.connections, tokens, Metrics(), **options), api)
