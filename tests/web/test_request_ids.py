"""Every answer has a request id: the caller's or a new one, the same in header, problem and log."""

from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING

import pytest
import structlog

from consumer.infra.telemetry import logs
from consumer.web.http.cross_origin import EXPOSED
from consumer.web.http.request_id import HEADER
from tests.web.api_client import bearer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from tests.web.api_client import Api


@pytest.mark.parametrize(
    "path", ["/livez", "/openapi.json", "/nowhere", "/v1/accounts/a%00b", "/v1/accounts/acme"]
)
async def test_each_answer_has_one(api: Api, path: str) -> None:
    """Health, documents and problems of every layer have the id of their request; without one it is made."""
    answers = [
        await api.client.get(path, headers={HEADER: "Root=1-67891233-abc:7"}),
        await api.client.get(path),
        await api.client.get(path),
    ]
    ids = [answer.headers[HEADER] for answer in answers]
    assert ids[0] == "Root=1-67891233-abc:7"
    assert len(set(ids)) == 3
    for answer in answers:
        if answer.status_code >= 400:
            assert answer.json()["request_id"] == answer.headers[HEADER]


@pytest.mark.parametrize("sent", ["", "-x", "a b", 'a"b', "é", "<b>", "a" * 129, "a,b"])
async def test_what_is_not_well_formed_is_replaced(api: Api, sent: str) -> None:
    """An id that a log or a page would interpret, or that is too long, is not taken over."""
    answer = await api.client.get("/livez", headers={HEADER.encode(): sent.encode("latin-1")})
    assert len(answer.headers[HEADER]) == 32
    assert answer.headers[HEADER].isalnum()


@pytest.fixture
def lines() -> Iterator[Callable[[], list[dict[str, object]]]]:
    """Log as the service does; gives the lines so far."""
    before, handlers, stream = structlog.get_config(), logging.getLogger().handlers[:], io.StringIO()
    logs.configure(stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    structlog.configure(**before)
    logging.getLogger().handlers[:] = handlers


async def test_the_log_has_it(
    api: Api, new_account: Callable[..., Awaitable[str]], lines: Callable[[], list[dict[str, object]]]
) -> None:
    """The lines about a request have its id; those of no request have none."""
    account = await new_account()
    await api.client.get(f"/v1/accounts/{account}", headers={**bearer(account), HEADER: "find-me"})
    structlog.get_logger().info("afterwards")
    found = {str(line["event"]): line.get("request_id") for line in lines()}
    assert found["request"] == "find-me"
    assert found["afterwards"] is None


def test_scripts_may_read_it() -> None:
    """A script of a web page can show it to the person who reports a problem."""
    assert HEADER in EXPOSED
