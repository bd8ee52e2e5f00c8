"""Credentials of stores and indexes are in no log, error, text or JSON of the cache."""

from __future__ import annotations

import logging
import re
import traceback
from pathlib import Path
from urllib.parse import quote, unquote

import msgspec
import pytest

from couler_plugins.caching.artifacts import ArtifactCache, Hit, Stored, open_cache
from couler_plugins.errors import CoulerError, EngineError, InvalidInput
from servers.postgres import PASSWORD, Postgres
from servers.s3 import KEY, SECRET, s3_url
from support import first_of


class Secrets:
    """Everything that could show a credential: log records of all loggers, errors with their causes, texts, JSON."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        logging.getLogger("botocore").setLevel(logging.WARNING)  # its own debug log shows what it signs
        self._caplog = caplog
        self.texts: list[str] = []

    def look(self, value: object) -> None:
        self.texts += [repr(value), str(value)]
        if isinstance(value, msgspec.Struct):
            self.texts.append(msgspec.json.encode(value).decode())
        if isinstance(value, BaseException):
            self.texts.append("".join(traceback.format_exception(value)))

    def found(self, *secrets: str) -> list[str]:
        logged = [record.getMessage() + str(record.exc_info or "") for record in self._caplog.records]
        return [text for text in [*self.texts, *logged] if any(secret in text for secret in secrets)]


@pytest.fixture
def secrets(caplog: pytest.LogCaptureFixture) -> Secrets:
    return Secrets(caplog)


def _use(cache: ArtifactCache, secrets: Secrets) -> None:
    """Everything that a cache says of itself."""
    secrets.look(cache)
    secrets.look(cache.put("key", {"out": b"x" * 100}))
    hit = cache.get("key")
    secrets.look(hit)
    if isinstance(hit, Hit):
        secrets.look(hit.entry)
        hit.close()
    for value in (cache.stats(), cache.verify(), cache.verify(repair=True), cache.entries(), cache.candidates()):
        secrets.look(value)
    with cache.claim("other", wait=0) as claim:
        secrets.look(claim)
    secrets.look(cache.evict(0))


def test_credentials_of_s3_are_never_shown(s3: str, secrets: Secrets) -> None:
    with open_cache(s3_url(s3)) as cache:
        _use(cache, secrets)
    assert secrets.found(SECRET, KEY) == []


@pytest.mark.parametrize("spelled", first_of(["sl/ash+plus=at@sign", "co:lon%2Fper%25cent", "sp ace"]))
def test_credentials_in_the_url_of_a_store_that_is_away_are_never_shown(secrets: Secrets, spelled: str) -> None:
    """Encoded as they must be, or pasted as they are."""
    url = f"s3://{KEY}:{spelled}@bucket/cache?endpoint_url=http://127.0.0.1:1&token={quote(SECRET)}"
    try:
        with open_cache(url) as cache:
            _use(cache, secrets)
    except CoulerError as error:
        secrets.look(error)
    assert secrets.found(spelled, unquote(spelled), KEY, SECRET) == []


def test_credentials_of_postgres_are_never_shown(postgres: Postgres, tmp_path: Path, secrets: Secrets) -> None:
    url = postgres.database()
    with open_cache(str(tmp_path / "store"), index=url) as cache:
        _use(cache, secrets)
    for broken in (
        url.replace("host=", "host=/nowhere"),
        url.replace(PASSWORD, f"{PASSWORD}-wrong"),
        f"postgresql://couler:{PASSWORD}@127.0.0.1:1/db",
        f"postgresql://couler:{PASSWORD}@127.0.0.1:not-a-port/db",
        f"postgresql://127.0.0.1:1/db?user=couler&password={PASSWORD}",
        f"postgres-of-sorts://couler:{PASSWORD}@127.0.0.1/db",
    ):
        with pytest.raises((EngineError, InvalidInput)) as caught:
            open_cache(str(tmp_path / "store"), index=broken)
        secrets.look(caught.value)
    assert secrets.found(PASSWORD) == []


def test_a_database_that_breaks_off_tells_no_credentials(postgres: Postgres, tmp_path: Path, secrets: Secrets) -> None:
    """The server ends the connections in the middle of the work: misses and refusals, and then it goes on."""
    import psycopg

    url = postgres.database()
    with open_cache(str(tmp_path / "store"), index=url) as cache:
        assert isinstance(cache.put("key", {"out": b"x"}), Stored)
        conninfo = url.replace("+psycopg", "")
        with psycopg.connect(conninfo, autocommit=True) as killer:
            killer.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        _use(cache, secrets)
        assert isinstance(cache.put("again", {"out": b"x"}), Stored)
    assert secrets.found(PASSWORD) == []


PASSWORDS = [
    "sla/sh",
    "quiz?zing",
    "ha#sh",
    "co:lon",
    "ats@ign",
    "per%zzcent",
    "sp ace",
    "quo'te",
    'dou"ble',
    "a/b?c#d@e:f",
]


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_a_password_as_it_is_pasted_is_never_shown(
    tmp_path: Path, secrets: Secrets, password: str, scheme: str
) -> None:
    """Not encoded, as it must not be: whatever is made of it, no part of it of three letters is said."""
    for url in (
        f"{scheme}://couler:{password}@127.0.0.1:1/db",
        f"{scheme}://couler:{password}@127.0.0.1:not-a-port/db",
        f"{scheme}://127.0.0.1:1/db?user=couler&password={quote(password)}",
    ):
        with pytest.raises((EngineError, InvalidInput)) as caught:
            open_cache(tmp_path / "store", index=url, patience=1)
        secrets.look(caught.value.message)
        secrets.look(caught.value.hint or "")
    parts = [part for part in re.split(r"\W", password) if len(part) > 2]
    assert secrets.found(password, *parts) == []


@pytest.mark.parametrize("password", PASSWORDS)
def test_a_password_that_is_encoded_works(postgres: Postgres, tmp_path: Path, password: str) -> None:
    import psycopg

    url = postgres.database()
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        statement = psycopg.sql.SQL("CREATE ROLE {} LOGIN SUPERUSER PASSWORD {}")
        name = f"role{PASSWORDS.index(password)}"
        connection.execute(statement.format(psycopg.sql.Identifier(name), psycopg.sql.Literal(password)))
    own = url.replace(f"couler:{quote(PASSWORD)}@", f"{name}:{quote(password, safe='')}@")
    with open_cache(tmp_path / "store", index=own) as cache:
        assert isinstance(cache.put("key", {"out": b"x"}), Stored)
