"""Clients that are generated from the OpenAPI document call every route of the README's quick tour.

openapi-python-client makes the one in Python, openapi-typescript the types of the one in TypeScript, which is
compiled by `tsc --strict` and run by Node. The first must find nothing to warn of, and leave no operation out.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from consumer.infra import http_server
from consumer.web.openapi import operations
from tests.web import typescript
from tests.web.account_events import happen
from tests.web.api_client import mint

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.pipeline.service import Service
    from tests.web.api_client import Api

NAMES = ["A tour", "Purchase", "Mail", "Deal won", "Email opened"]
# Its hooks would format the code; lines of a stream are read as text.
CONFIGURATION = {
    "package_name_override": "engagement_client",
    "post_hooks": [],
    "content_type_overrides": {"application/x-ndjson": "text/plain"},
}


@pytest.fixture(scope="module")
def document(api: Api, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the file with the document that the API serves."""
    path = tmp_path_factory.mktemp("openapi") / "openapi.json"
    path.write_text(json.dumps(api.app.openapi()))
    return path


@pytest.fixture
async def address(api: Api) -> AsyncIterator[str]:
    """Give the URL of the API on a port of its own, for clients that need one."""
    listener = http_server.listen("127.0.0.1", 0)
    serving = asyncio.create_task(http_server.serve(api.app, listener, patience=1))
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    serving.cancel()
    await asyncio.wait([serving])


@pytest.fixture(scope="module")
def package(document: Path) -> Path:
    """Generate the client in Python and return its folder."""
    configuration = document.with_name("configuration.json")
    configuration.write_text(json.dumps(CONFIGURATION))
    folder = document.with_name("engagement_client")
    subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "openapi_python_client",
                "generate",
                "--fail-on-warning",
                "--meta",
                "none",
            ),
            *("--path", document, "--config", configuration, "--output-path", folder),
        ],
        check=True,
        timeout=60,
    )
    return folder


def test_the_python_client_has_every_operation(api: Api, package: Path) -> None:
    """No operation is left out, as those were whose models had one name."""
    generated = {path.stem for path in (package / "api").glob("*/*.py")} - {"__init__"}
    assert generated == {operation["operationId"] for _, _, operation in operations(api.app.openapi())}


async def test_a_python_client_takes_the_tour(
    api: Api, worker: Service, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Account, groups, definitions, the sorted list, a contact and its timeline: as models, not as dictionaries."""
    monkeypatch.syspath_prepend(package.parent)
    client = importlib.import_module("engagement_client").AuthenticatedClient("http://api", mint("*"))
    client.set_async_httpx_client(
        httpx.AsyncClient(transport=api.client._transport, base_url="http://api", headers=_bearer())
    )
    models = importlib.import_module("engagement_client.models")

    async def call(name: str, *arguments: object, **others: object) -> Any:
        tag, _, function = name.partition(".")
        module = importlib.import_module(f"engagement_client.api.{tag}.{function}")
        return await module.asyncio(*arguments, client=client, **others)

    account = "python-tour"
    created = [await call("accounts.create_account", body=models.NewAccount(account=account, name="A tour"))]
    for key, name, icon in (("purchase", "Purchase", "cart"), ("mail", "Mail", "mail")):
        body = models.NewGroup(key=key, name=name, icon=models.Icon(icon))
        created.append(await call("groups.create_group", account, body=body))
    for key, name, group, icon, points, event in (
        ("deal_won", "Deal won", "purchase", "trophy", 50, "deal.won"),
        ("email_opened", "Email opened", "mail", "mail", 1, "email.opened"),
    ):
        body = models.NewDefinition(
            key=key,
            name=name,
            group=group,
            icon=models.Icon(icon),
            default_points=points,
            events=[event],
        )
        created.append(await call("definitions.create_definition", account, body=body))
    assert [each.name for each in created] == NAMES
    await happen(worker, account, "deal.won", "email.opened")
    page = await call("contacts.list_contacts", account, sort="-score", limit=5)
    assert [(each.id, each.overall, each.groups["mail"]) for each in page.items] == [("ann", 51, 1)]
    contact = await call("contacts.read_contact", account, "ann")
    assert contact.profiles[0].overall == 51
    timeline = await call("contacts.read_timeline", account, "ann")
    assert [item.verdict for item in timeline.items] == [models.Verdict.COUNTED] * 2
    found = await call(
        "scores.look_up_scores", account, body=models.LookupRequest(contacts=["ann", "nobody"])
    )
    assert [item.contact and item.contact.overall for item in found.items] == [51, None]
    problem = await call("contacts.read_contact", account, "nobody")
    assert isinstance(problem, models.ProblemDetails)
    assert (problem.status, problem.type_) == (404, "urn:engagement:problem:not_found")


async def test_a_typescript_client_takes_the_tour(
    api: Api, worker: Service, address: str, document: Path, tmp_path: Path
) -> None:
    """The same routes, compiled strictly; a change sends the revision that was seen, and a problem has its type."""
    del api
    account = "typescript-tour"
    program = await asyncio.to_thread(typescript.compiled_tour, document, tmp_path)

    async def run(*arguments: str) -> Any:
        return json.loads(
            await asyncio.to_thread(typescript.run, program, address, mint("*"), account, *arguments)
        )

    assert await run() == {"created": NAMES}
    await happen(worker, account, "deal.won", "email.opened")
    await happen(worker, account, "email.opened", subject="bob")
    assert await run("read") == {
        "scores": {"ann": 51, "bob": 1},
        "timeline": ["counted", "counted"],
        "looked": [51, None],
        "stale": "urn:engagement:problem:stale",
    }


def _bearer() -> dict[str, str]:
    return {"authorization": f"Bearer {mint('*')}"}
