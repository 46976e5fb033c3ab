"""A PostgreSQL of this machine that knows TLS; the embedded one was built without.

Owns finding it, and serving it with a certificate. Never decides what is proved when there is none.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from consumer.demo.servers import EmbeddedPostgres

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

# Where Debian and Ubuntu, and Red Hat's family, keep them: none of it is on the path.
_FOLDERS = ("lib/postgresql/*/bin", "pgsql-*/bin")


def programs_with_tls() -> Path | None:
    """Return the folder of the newest PostgreSQL here that was built with OpenSSL, None if there is none."""
    found = [folder for pattern in _FOLDERS for folder in Path("/usr").glob(pattern)]
    if config := shutil.which("pg_config"):
        found.append(Path(config).resolve().parent)
    able = [folder for folder in found if (folder / "initdb").exists() and _knows_tls(folder)]
    return max(able, key=_version, default=None)


@asynccontextmanager
async def postgres_with_tls(
    programs: Path, certificate: Path, key: Path, trusted: Path
) -> AsyncIterator[EmbeddedPostgres]:
    """Serve it with this certificate, in a cluster of its own that lets in every user of this machine.

    trusted: who signs the certificates that clients may show.
    """
    async with EmbeddedPostgres(fsync=False, programs=programs) as server:
        owner = server.data_directory.stat()
        for file, name in ((certificate, "server.crt"), (key, "server.key"), (trusted, "root.crt")):
            copy = server.data_directory / name
            copy.touch(mode=0o600)
            copy.write_bytes(file.read_bytes())
            os.chown(copy, owner.st_uid, owner.st_gid)
        connection = await asyncpg.connect(server.dsn)
        await connection.execute("alter system set ssl = on")
        await connection.execute("alter system set ssl_ca_file = 'root.crt'")
        await connection.execute("select pg_reload_conf()")
        await connection.close()
        yield server


def _knows_tls(programs: Path) -> bool:
    return bool(re.search(r"--with-(openssl|ssl=openssl)", _config(programs, "--configure")))


def _version(programs: Path) -> float:
    found = re.search(r"\d+(\.\d+)?", _config(programs, "--version"))
    return float(found[0]) if found else 0


def _config(programs: Path, question: str) -> str:
    try:
        asked = subprocess.run(
            [programs / "pg_config", question], capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return asked.stdout
