"""A PostgreSQL server with a cluster of its own in a temporary folder, from the binaries that Debian installs."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from servers.processes import until, when_stopped

__all__ = ["PASSWORD", "Postgres", "binaries", "postgres_server"]

PASSWORD = "pg-secret-that-must-not-leak"


def binaries() -> Path | None:
    """The folder with `initdb` and `postgres`; None where PostgreSQL is not installed."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    newest_first = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: path.parts, reverse=True)
    return newest_first[0].parent if newest_first else None


class Postgres:
    """A running server, reached by the socket in its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = itertools.count()

    def url(self, database: str) -> str:
        """SQLAlchemy's URL of a database."""
        return f"postgresql+psycopg://couler:{quote(PASSWORD)}@/{database}?host={quote(str(self.folder))}"

    def database(self) -> str:
        """The URL of a new, empty database."""
        import psycopg

        name = f"test{next(self._numbers)}"
        with psycopg.connect(self._conninfo(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self._conninfo(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _conninfo(self) -> str:
        return f"host={self.folder} user=couler password={PASSWORD} dbname=postgres"


@contextlib.contextmanager
def postgres_server(bin_folder: Path) -> Iterator[Postgres]:
    """A running server; it refuses root, so root starts it as the user `postgres`."""
    user = "postgres" if os.getuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="couler-pg-", dir="/tmp") as name:  # a socket's path has at most 107 bytes
        folder = Path(name)
        secret = folder / "password"
        secret.write_text(PASSWORD)
        if user:
            for path in (folder, secret):
                shutil.chown(path, user)
        cluster = folder / "cluster"
        initdb: list[str | Path] = [
            bin_folder / "initdb",
            *("--pgdata", cluster, "--username", "couler", "--pwfile", secret),
            *("--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale", "--no-sync"),
        ]
        subprocess.run(initdb, user=user, cwd=folder, check=True, capture_output=True)
        # The clients are killed, never the server, so nothing hangs on its disk.
        settings = {"listen_addresses": "", "unix_socket_directories": name, "fsync": "off", "max_connections": "200"}
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        with Path(name, "log").open("wb") as log:
            process = subprocess.Popen(
                [bin_folder / "postgres", "-D", cluster, *options], user=user, cwd=folder, stdout=log, stderr=log
            )
            with when_stopped(process):
                server = Postgres(folder)
                until(server.answers, 60, "starting PostgreSQL")
                yield server
