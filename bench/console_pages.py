"""The console over a million contacts: how long pages take, how much the first one loads, and what watching costs.

The server is `engagement web` as operators start it. Times are those of whole answers over HTTP, one request after
the other, so that none waits for another.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import re
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from rich.table import Table

from bench.api import LIVELY, fill
from bench.http_load import Load, answers
from bench.served import Served, serving
from bench.session import SEED, console
from bench.traffic import ACCOUNT
from consumer.infra.telemetry import logs
from consumer.web.http.auth import ALL_ACCOUNTS
from tests.pipeline import service
from tests.web.account_events import record
from tests.web.api_client import SECRET, mint

if TYPE_CHECKING:
    from bench.session import Bench

OUT = Path(__file__).parent / "out" / "console.json"
# Different requests to each page, and seconds of them.
_REQUESTS, _SECONDS = 200, 5.0
_PEOPLE, _EVENTS_A_SECOND, _WATCHING_SECONDS = 200, 100, 20
# As the script of the page asks for it again.
_LIVE = {"engagement-live": "true"}
_LINKED = re.compile(r'(?:href|src)="(/console/~assets/[^"]+)"')
_IMPORTED = re.compile(r'from "\./([\w-]+\.js)"')


async def console_pages(bench: Bench) -> None:
    """Open every page of the console over 1,000,000 contacts, and let 200 people watch a contact each."""
    logs.configure("error")
    database = await bench.servers.database(await bench.base())
    dsn = bench.servers.dsn(database)
    console.print("storing names and timelines …", style="dim")
    await fill(dsn)
    server = serving(["-m", "consumer", "web"], database_url=dsn, jwt_secret=SECRET, http_connections="2000")
    with server as served:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{served.port}", timeout=60) as browser:
            headers = {"authorization": f"Bearer {mint(ALL_ACCOUNTS)}"}
            (await browser.post("/console/session", headers=headers)).raise_for_status()
            cookie = f"engagement_session={browser.cookies['engagement_session']}"
            pages = {name: await _page(bench, served, paths, cookie) for name, paths in _pages().items()}
            first_load = await _first_load(browser)
            people = {
                "spread": await _watched(dsn, served, browser, share=0.0),
                "a_tenth_about_them": await _watched(dsn, served, browser, share=0.1),
            }
    _show(pages, first_load, people)
    found = {"contacts": 1_000_000, "pages": pages, "first_load_kb": first_load, "watching": people}
    bench.results["console"] = found
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(found, indent=2) + "\n")
    await bench.servers.drop(database)


def _pages() -> dict[str, list[str]]:
    """Return addresses of each page by its name."""
    chance = random.Random(SEED)
    account = f"/console/{ACCOUNT}"

    def contact() -> str:
        return f"{account}/contacts/contact-{chance.randrange(LIVELY)}"

    def by_group() -> str:
        return f"{account}/leads?sort=-score.purchase&max={chance.randrange(5, 100)}"

    fixed = ("start", "segments", "catalog", "catalog/inbox", "profiles", "tracker")
    of_a_profile = ("", "/bounds", "/versions", "/details")
    of_operators = ("activity", "settings", "health")
    return {
        "leads": [f"{account}/leads"],
        "leads by group": [by_group() for _ in range(50)],
        "leads, searched": [f"{account}/leads?q=number+{chance.randrange(1_000_000)}" for _ in range(50)],
        "contact": [contact() for _ in range(_REQUESTS)],
        **{name: [f"{account}/{name}"] for name in (*fixed, *of_operators)},
        **{f"profiles/lead_score{name}": [f"{account}/profiles/lead_score{name}"] for name in of_a_profile},
    }


async def _page(bench: Bench, served: Served, paths: list[str], cookie: str) -> dict[str, float]:
    requests = tuple(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\nAccept-Encoding: gzip\r\n\r\n".encode()
        for path in paths
    )
    await answers(Load(served.port, requests, 1.0, connections=1))
    runs = []
    for _ in range(bench.repeats):
        before = served.cpu()
        found = await answers(Load(served.port, requests, _SECONDS, connections=1))
        runs.append(
            {
                "p50_ms": found.percentile(0.5),
                "p95_ms": found.percentile(0.95),
                "cpu_ms": 1000 * (served.cpu() - before) / len(found.milliseconds),
                "kb": found.bytes / 1000,
            }
        )
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


async def _first_load(browser: httpx.AsyncClient) -> float:
    """Return the kilobytes, as sent, of the list of leads with all its styles and scripts."""
    page = (await browser.get(f"/console/{ACCOUNT}/leads")).raise_for_status()
    loaded, waiting = {"": page.content}, _LINKED.findall(page.text)
    while waiting:
        path = waiting.pop()
        if path not in loaded:
            loaded[path] = (await browser.get(path)).raise_for_status().content
            folder = path.rpartition("/")[0]
            waiting += [f"{folder}/{name}" for name in _IMPORTED.findall(loaded[path].decode())]
    return sum(len(gzip.compress(each, 5)) for each in loaded.values()) / 1000


async def _watched(dsn: str, served: Served, browser: httpx.AsyncClient, share: float) -> dict[str, float]:
    """Let people watch a contact each while events come, of which a share is about these contacts.

    Each opens the stream of events and, when something comes, the page again, as the script of the page does.
    """
    opened = [0]
    tasks = [asyncio.create_task(_watch(browser, number, opened)) for number in range(_PEOPLE)]
    await asyncio.sleep(2)
    before, beginning = served.cpu(), opened[0]
    await _events(dsn, share)
    spent = (served.cpu() - before) / _WATCHING_SECONDS
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return {"cores": spent, "pages": (opened[0] - beginning) / _WATCHING_SECONDS}


async def _watch(browser: httpx.AsyncClient, number: int, opened: list[int]) -> None:
    contact = f"contact-{number}"
    stream = f"/console/~api/v1/accounts/{ACCOUNT}/events?contact={contact}"
    async with (
        httpx.AsyncClient(base_url=browser.base_url, cookies=browser.cookies, timeout=None) as own,
        own.stream("GET", stream) as events,
    ):
        async for line in events.aiter_lines():
            if line == "event: score_changed":
                opened[0] += 1
                page = await own.get(f"/console/{ACCOUNT}/contacts/{contact}", headers=_LIVE)
                page.raise_for_status()


async def _events(dsn: str, share: float) -> None:
    chance = random.Random(SEED)
    loop = asyncio.get_running_loop()
    async with service.running(dsn) as worker:
        begin = loop.time()
        for number in range(_WATCHING_SECONDS * 10):
            contacts = [
                chance.randrange(_PEOPLE) if chance.random() < share else chance.randrange(_PEOPLE, 1_000_000)
                for _ in range(_EVENTS_A_SECOND // 10)
            ]
            await worker.batch(
                [record(ACCOUNT, "email.clicked", subject=f"contact-{one}") for one in contacts]
            )
            await asyncio.sleep(max(0.0, begin + (number + 1) / 10 - loop.time()))


def _show(pages: dict[str, Any], first_load: float, people: dict[str, Any]) -> None:
    table = Table(box=None, title="the console over a million contacts", title_justify="left")
    for title in ("", "p50 ms", "p95 ms", "CPU ms", "kB"):
        table.add_column(title, justify="right" if title else "left")
    for name, one in pages.items():
        values = (one["p50_ms"], one["p95_ms"], one["cpu_ms"], one["kb"])
        table.add_row(name, *(f"{value:,.1f}" for value in values))
    console.print(table)
    console.print(f"first load {first_load:,.1f} kB")
    for name, one in people.items():
        console.print(
            f"{_PEOPLE} people watch ({name}): {one['cores']:.3f} of a core, {one['pages']:.1f} pages/s"
        )
