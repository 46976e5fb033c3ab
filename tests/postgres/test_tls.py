"""Postgres over TLS: what the URL says is done, and what does not fit is said in one line."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from consumer.__main__ import main
from consumer.demo.servers import EmbeddedPostgres
from consumer.infra import postgres
from consumer.infra.clock import SystemClock
from consumer.infra.settings import Settings
from consumer.infra.telemetry.dependency_probes import watch_database
from consumer.infra.telemetry.health import Health
from tests.servers.certificates import Authority
from tests.servers.installed_postgres import postgres_with_tls, programs_with_tls
from tests.servers.tls_front import tls_front
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    import asyncpg

PASSWORD = "hunter2-secret"


@dataclass(frozen=True)
class OverTls:
    """A database whose certificate is for 127.0.0.1. real: it is Postgres itself that speaks TLS."""

    port: int
    authority: Authority
    stranger: Authority
    real: bool

    def dsn(self, *, mode: str = "verify-full", trust: Path | None = None, host: str = "127.0.0.1") -> str:
        """Return its address with a password; `trust` defaults to its own authority."""
        query = f"sslmode={mode}&sslrootcert={trust or self.authority.file}"
        return f"postgresql://postgres:{PASSWORD}@{host}:{self.port}/postgres?{query}"


@pytest.fixture(scope="module")
async def over_tls(
    tmp_path_factory: pytest.TempPathFactory, report_line: Callable[[str], None]
) -> AsyncIterator[OverTls]:
    """Give an installed PostgreSQL with TLS, else the embedded one with TLS put before it."""
    folder = tmp_path_factory.mktemp("certificates")
    authority, stranger = Authority(folder), Authority(folder, "stranger")
    certificate, key = authority.issue("server", "127.0.0.1")
    programs = programs_with_tls()
    async with AsyncExitStack() as stack:
        if programs is not None:
            server = await stack.enter_async_context(
                postgres_with_tls(programs, certificate, key, authority.file)
            )
            port = server.port
        else:
            report_line("UNPROVED, for want of a PostgreSQL with OpenSSL: that Postgres itself sees TLS")
            server = await stack.enter_async_context(EmbeddedPostgres(fsync=False))
            port = await stack.enter_async_context(tls_front(server.port, certificate, key))
        yield OverTls(port, authority, stranger, real=programs is not None)


async def test_the_url_is_believed(over_tls: OverTls) -> None:
    """With verify-full and our own authority the worker's connection is made, and Postgres says it is TLS."""
    seen = await _as_postgres_sees(over_tls, over_tls.dsn())
    assert seen["ssl"]
    assert seen["version"].startswith("TLS")
    assert seen["client_dn"] is None


async def test_a_certificate_of_ours_is_shown(over_tls: OverTls) -> None:
    """With sslcert, sslkey and the key's sslpassword Postgres sees who we are."""
    certificate, key = over_tls.authority.issue("client", "worker@example.org", password=PASSWORD)
    shown = f"&sslcert={certificate}&sslkey={key}&sslpassword={PASSWORD}"
    seen = await _as_postgres_sees(over_tls, over_tls.dsn() + shown)
    assert seen["client_dn"]


async def _as_postgres_sees(over_tls: OverTls, url: str) -> asyncpg.Record:
    """Connect as a worker does, and return what Postgres says of that connection."""
    connection = await postgres.connect(
        Settings(database_url=url, kafka_bootstrap="k:1").dsn(), any_schema=True
    )
    try:
        assert await connection.fetchval("select 1") == 1
        if not over_tls.real:
            pytest.skip("the PostgreSQL of this run was built without TLS")
        return await postgres.fetch_one(
            connection, "select ssl, version, client_dn from pg_stat_ssl where pid = pg_backend_pid()"
        )
    finally:
        await connection.close()


# By what is wrong: the URL, and what the line has to name.
WRONGS: dict[str, tuple[Callable[[OverTls], str], str]] = {
    "authority": (lambda to: to.dsn(trust=to.stranger.file), "sslrootcert in ENGAGEMENT_DATABASE_URL"),
    "host name": (lambda to: to.dsn(host="localhost"), "the host in ENGAGEMENT_DATABASE_URL"),
    "no certificates in it": (
        lambda to: to.dsn(trust=to.authority.file.with_name("server.key")),
        "sslrootcert",
    ),
    "no such file": (
        lambda to: to.dsn(trust=to.authority.file.with_name("none.pem")),
        "ENGAGEMENT_DATABASE_URL must name an existing file in sslrootcert",
    ),
    "no such mode": (lambda to: to.dsn(mode="verify-ful"), "sslmode"),
}


@pytest.mark.parametrize("command", ["check", "migrate"])
@pytest.mark.parametrize("wrong", WRONGS)
async def test_what_does_not_fit_is_said(
    over_tls: OverTls,
    wrong: str,
    command: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`check` and `migrate` say in one line what in the URL to look at, and never its password."""
    url, named = WRONGS[wrong]
    monkeypatch.setenv("ENGAGEMENT_DATABASE_URL", url(over_tls))
    monkeypatch.setenv("ENGAGEMENT_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    assert await asyncio.to_thread(main, [command]) == 1
    shown = capsys.readouterr()
    said = [line for line in (shown.out + shown.err).splitlines() if named in line]
    assert len(said) == 1, shown
    assert "database" in said[0].lower()
    assert PASSWORD not in shown.out + shown.err
    assert "Traceback" not in shown.err


async def test_a_worker_says_what_does_not_fit(over_tls: OverTls) -> None:
    """The reason under /readyz is the same line, and the worker tries again: certificates get renewed."""
    wrong = over_tls.dsn(trust=over_tls.stranger.file)
    health = Health(SystemClock())
    watching = asyncio.create_task(
        watch_database(Settings(database_url=wrong, kafka_bootstrap="k:1"), health)
    )
    try:

        def said() -> bool:
            return "sslrootcert in ENGAGEMENT_DATABASE_URL" in str(health.states().get("database"))

        await eventually(said, within=5, what="the reason")
        assert PASSWORD not in str(health.states())
        assert not watching.done()
    finally:
        watching.cancel()
        await asyncio.wait([watching])
