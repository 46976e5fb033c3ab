"""One request of a person who is signed in: who it is, what it may ask, and how it is answered."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs

from starlette.responses import HTMLResponse, RedirectResponse, Response

from consumer.web.console import addresses, cookies, navigation
from consumer.web.console.api_client import ApiClient, part, query
from consumer.web.console.templates import render
from consumer.web.http.auth import ALL_ACCOUNTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from consumer.web.console.api_client import ApiProblem
    from consumer.web.console.reader import Reader
    from consumer.web.console.sessions import Session

_DONE_COOKIE: Final = "engagement_done"
# Of a form: several for each of as many definitions as an account may have.
MOST_FIELDS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Account:
    """The account of a page, as the API has it."""

    key: str
    name: str
    time_zone: str
    engagement: bool
    sales: bool


@dataclass(frozen=True, slots=True)
class Done:
    """A message about what was done, shown once on the next page. undo: form fields of a way back; None: no way.

    undo: the `action` of a form that undoes it, and its other fields.
    """

    text: str
    undo: dict[str, str] | None = None


@dataclass
class Form:
    """The fields of a form that was sent, each with one or more texts."""

    fields: dict[str, list[str]]

    def text(self, name: str) -> str:
        """Return a field without spaces around it; empty if it is missing."""
        return self.fields.get(name, [""])[-1].strip()

    def texts(self, name: str) -> list[str]:
        """Return all texts of a field that may occur several times."""
        return [text.strip() for text in self.fields.get(name, [])]

    def number(self, name: str) -> int | float | str | None:
        """Return a field as a number for the API; None if it is empty, and as it is if it is no number."""
        text = self.text(name)
        try:
            return int(text) if text else None
        except ValueError:
            pass
        try:
            return float(text)
        except ValueError:
            return text

    def is_set(self, name: str) -> bool:
        """Return whether a box is ticked."""
        return bool(self.text(name))


@dataclass
class Faults:
    """What is wrong with a form, in the API's words, by the field of the API's body."""

    by_field: dict[str, str] = field(default_factory=dict)
    detail: str = ""

    @classmethod
    def of(cls, problem: ApiProblem) -> Faults:
        """Return the faults that a problem names."""
        found: dict[str, str] = {}
        for error in problem.errors:
            found.setdefault(error["field"], error["detail"])
        return cls(found, problem.detail)

    def at(self, name: str) -> str:
        """Return what is wrong with a field, or with a part of it; empty: nothing."""
        if name in self.by_field:
            return self.by_field[name]
        return next((detail for field, detail in self.by_field.items() if field.startswith(f"{name}.")), "")

    def __bool__(self) -> bool:
        return bool(self.by_field or self.detail)


@dataclass
class Visit:
    """A request. account: None on pages of no one account."""

    request: Request
    session: Session
    reader: Reader
    api: ApiClient
    account: Account | None = None
    form: Form = field(default_factory=lambda: Form({}))

    def can(self, permission: str) -> bool:
        """Return whether the person has a permission: read, manage or operate."""
        return f"engagement:{permission}" in self.session.claims.permissions

    @property
    def sees_all_accounts(self) -> bool:
        """Whether the session is for more than one account."""
        return self.session.claims.account == ALL_ACCOUNTS

    @property
    def key(self) -> str:
        """The key of the account of the page."""
        if self.account is None:
            raise LookupError("a page of no one account")
        return self.account.key

    @property
    def address(self) -> str:
        """Where this page is, to come back to."""
        return addresses.of(self.request)

    def say(self, message: str, /, **values: object) -> str:
        """Return a text in the reader's language, with values put in by name."""
        return self.reader.texts.gettext(message) % values if values else self.reader.texts.gettext(message)

    def url(self, *parts: str, **parameters: object) -> str:
        """Return the address of a page of this account: parts are quoted."""
        path = "/".join(("/console", self.key, *(part(each) for each in parts)))
        asked = query(parameters)
        return f"{path}?{asked}" if asked else path

    def page(self, template: str, /, *, status: int = 200, **context: Any) -> Response:
        """Return a page from a template of `templates/`, with what the frame around it needs."""
        response = HTMLResponse(self.render(template, **context), status)
        if self._done is not None:
            cookies.forget(response, _DONE_COOKIE)
        return response

    def render(self, template: str, /, **context: Any) -> str:
        """Return the text of a page, or of a part of one."""
        return render(
            template,
            self.reader,
            visit=self,
            account=self.account,
            entries=self._navigation(),
            done=self._done,
            faults=context.pop("faults", None) or Faults(),
            **context,
        )

    def _navigation(self) -> list[navigation.Entry]:
        if self.account is None:
            return []
        path, permissions = self.request.url.path, self.session.claims.permissions
        return navigation.entries(self.key, path, permissions, self.reader.texts)

    def problem(self, problem: ApiProblem) -> Response:
        """Return the page that says why something could not be shown or done."""
        return self.page("problem.html", status=problem.status, problem=problem)

    def redirect(self, to: str, done: Done | None = None) -> Response:
        """Lead to a page after a change, so that a reload does not repeat it."""
        response = RedirectResponse(to, 303)
        if done is not None:
            cookies.carry(self.request, response, self.session, _DONE_COOKIE, asdict(done))
        return response

    @cached_property
    def _done(self) -> Done | None:
        found = cookies.carried(self.request, self.session, _DONE_COOKIE)
        return found and Done(**found)


def form_of(body: bytes) -> Form:
    """Return the fields of a body of type `application/x-www-form-urlencoded`; raises ValueError for too many."""
    text = body.decode("utf-8", "replace")
    fields: Mapping[str, list[str]] = parse_qs(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    return Form(dict(fields))
