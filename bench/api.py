"""The API over a million contacts: requests per second of one process, beside the bare framework, and latency.

The server is `engagement web` as operators start it, the load generator a process of its own. Each answer is
compared with a constant of the same size from the bare framework on the same server, in turns.
"""

from __future__ import annotations

import json
import random
import statistics
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
from rich.table import Table

from bench.http_load import Load, answers, request
from bench.served import Served, serving
from bench.session import SEED, console
from bench.traffic import ACCOUNT
from consumer.ingest import timeline_partitions
from tests.web.api_client import SECRET, mint

if TYPE_CHECKING:
    from bench.session import Bench

OUT = Path(__file__).parent / "out" / "api.json"
_CONTACTS = 1_000_000
# Contacts with a timeline, and entries of each.
LIVELY, _ENTRIES = 1_000, 200
_LOOKED_UP = 200
# Different requests to each route.
_REQUESTS = 500
_WARM_UP, _SECONDS, _RATE = 2.0, 5.0, 200
_FIELDS = """
    insert into contact_fields (account_id, contact_id, field, value, occurred_at, event_key)
    select c.account_id, c.id, f.field, f.value || c.id % f.different, now(), '\\x00'
    from contacts c,
        (values ('name', 'Contact number ', 1000000), ('owner', 'rep-', 200)) f (field, value, different)
    order by c.id"""
_TIMELINE = """
    insert into timeline (account_id, contact_id, occurred_at, event_key, definition_id, edition, verdict, settled,
                          xp_worth, credit_number, type, source, event_id, object_id, actor_id, actor_type, data,
                          recorded_at)
    select c.account_id, c.id, now() - n * interval '3 hours', decode(md5(c.id || '-' || n), 'hex'), d.id, 1,
        'counted', false, 0, 0, 'email.clicked', '/stored', n::text, null, null, null, '{"amount": 17}', now()
    from contacts c join definitions d on d.key = 'clicked', generate_series(1, $2::int) n
    where c.external_id = any($1::text[])"""
_TALLIES = """
    update dedup_keys t set count = t.count + $2::int
    from contacts c, definitions d
    where t.contact_id = c.id and c.external_id = any($1::text[])
        and t.definition_id = d.id and d.key = 'clicked'"""


async def api(bench: Bench) -> None:
    """Ask the API for lists, timelines, explanations and look-ups of 200 over 1,000,000 contacts."""
    database = await bench.servers.database(await bench.base())
    dsn = bench.servers.dsn(database)
    console.print("storing names and timelines …", style="dim")
    await fill(dsn)
    routes = _routes()
    api_server = serving(["-m", "consumer", "web"], database_url=dsn, jwt_secret=SECRET)
    with api_server as served, serving(["-m", "bench.bare_api"], probe="constant/9") as bare:
        found = {name: await _measure(bench, requests, served, bare) for name, requests in routes.items()}
    _show(found)
    bench.results["api"] = {name: one["ratio_to_bare"] for name, one in found.items()}
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps({"contacts": _CONTACTS, "steady": _RATE, "routes": found}, indent=2) + "\n")
    await bench.servers.drop(database)


async def fill(dsn: str) -> None:
    """Give all contacts a name and an owner, and some of them a timeline."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("set synchronous_commit = off")
        await connection.execute(_FIELDS)
        reach = await connection.fetch(
            """select distinct extract(year from t)::int as year, extract(month from t)::int as month
               from generate_series(now() - $1::int * interval '3 hours', now(), interval '1 day') t""",
            _ENTRIES,
        )
        await timeline_partitions.create(connection, {(row["year"], row["month"]) for row in reach})
        lively = [f"contact-{number}" for number in range(LIVELY)]
        for statement in (_TIMELINE, _TALLIES):
            await connection.execute(statement, lively, _ENTRIES)
        await connection.execute("vacuum analyze contact_fields, timeline")
    finally:
        await connection.close()


def _routes() -> dict[str, tuple[bytes, ...]]:
    """Return requests to each route, as they are sent."""
    chance = random.Random(SEED)
    token = mint(ACCOUNT)
    account = f"/v1/accounts/{ACCOUNT}"

    def looked_up() -> bytes:
        contacts = [f"contact-{chance.randrange(_CONTACTS)}" for _ in range(_LOOKED_UP)]
        return json.dumps({"contacts": contacts}).encode()

    def listed() -> str:
        return f"{account}/contacts?sort=-score.purchase&max={chance.randrange(5, 100)}"

    def lively(path: str) -> str:
        return f"{account}/contacts/contact-{chance.randrange(LIVELY)}{path}"

    return {
        "contacts": tuple(request("GET", listed(), token) for _ in range(_REQUESTS)),
        "timeline": tuple(request("GET", lively("/timeline"), token) for _ in range(_REQUESTS)),
        "explanation": tuple(request("GET", lively("/score/explanation"), token) for _ in range(_REQUESTS)),
        "lookup": tuple(
            request("POST", f"{account}/scores/lookup", token, looked_up()) for _ in range(_REQUESTS)
        ),
    }


async def _measure(
    bench: Bench, requests: tuple[bytes, ...], served: Served, bare: Served
) -> dict[str, float]:
    size = (await answers(Load(served.port, requests, _WARM_UP))).bytes
    constant = (request("GET", f"/constant/{size}", ""),)
    await answers(Load(bare.port, constant, _WARM_UP))
    runs = []
    for _ in range(bench.repeats):
        floor = await answers(Load(bare.port, constant, _SECONDS))
        began = served.cpu(), bench.servers.cpu()[0]
        subject = await answers(Load(served.port, requests, _SECONDS))
        spent = served.cpu() - began[0], bench.servers.cpu()[0] - began[1]
        steady = await answers(Load(served.port, requests, _SECONDS, _RATE))
        count = len(subject.milliseconds)
        runs.append(
            {
                "rate": subject.rate,
                "p50_ms": steady.percentile(0.5),
                "p99_ms": steady.percentile(0.99),
                "ratio_to_bare": floor.rate / subject.rate,
                "bare_rate": floor.rate,
                "bytes": float(size),
                "cpu_ms": 1000 * spent[0] / count,
                "postgres_cpu_ms": 1000 * spent[1] / count,
            }
        )
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def _show(found: dict[str, dict[str, float]]) -> None:
    columns = {
        "rate": ("answers/s", 0),
        "bare_rate": ("bare", 0),
        "ratio_to_bare": ("of bare", 1),
        "cpu_ms": ("CPU ms", 2),
        "postgres_cpu_ms": ("of Postgres", 2),
        "p50_ms": (f"p50 at {_RATE}/s", 1),
        "p99_ms": ("p99", 1),
    }
    table = Table(box=None, title="the API over a million contacts", title_justify="left")
    table.add_column("")
    for title, _ in columns.values():
        table.add_column(title, justify="right")
    for name, one in found.items():
        table.add_row(name, *(f"{one[column]:,.{digits}f}" for column, (_, digits) in columns.items()))
    console.print(table)
