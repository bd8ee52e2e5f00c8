"""What Airflow's features need of the machine that they run on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

from couler_airflow.cache.rows import read_declarations
from couler_airflow.runtime.store import Store
from couler_airflow.settings import Settings, load_settings
from couler_plugins.caching.artifacts import folder_of
from couler_plugins.errors import NAME, CoulerError, InvalidInput
from couler_plugins.hookspecs.checks import Check
from couler_plugins.net.redacting import redact_url

DATABASE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"


def local_checks() -> Iterator[Check]:
    """Look whether Airflow is set up here, and whether its database, the store and the rows of workers can be read.

    Where it is not set up, Airflow is not imported: that would write a configuration file.
    """
    if find_spec("airflow") is None:
        return
    home = Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser()
    if not ((home / "airflow.cfg").is_file() or DATABASE in os.environ):
        remedy = "call couler where the scheduler runs, with its environment"
        yield Check(feature="reached", state="absent", message=f"no Airflow is set up in {home}", remedy=remedy)
        return
    from airflow import __version__
    from airflow.utils.session import create_session
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with create_session() as session:
            session.execute(text("select 1"))
        yield Check(feature="reached", state="ok", message=f"the database of Airflow {__version__} answers")
    except (SQLAlchemyError, OSError) as error:  # its text may hold a password
        message = f"the database of Airflow {__version__} does not answer: {type(error).__name__}"
        yield Check(feature="reached", state="missing", message=message, remedy="call airflow db check")
    try:
        settings = load_settings()
    except InvalidInput as error:
        yield Check(feature="cache", state="missing", message=str(error), remedy=error.hint or "")
        return
    if settings.enabled and settings.cache_store:
        yield _check_store(settings)
    else:
        message = "no store is set, so nothing is cached" if settings.enabled else "couler is switched off"
        name = "cache_store" if settings.enabled else "enabled"
        remedy = f"set {name} in [couler] of airflow.cfg, or AIRFLOW__COULER__{name.upper()}"
        yield Check(feature="cache", state="absent", message=message, remedy=remedy)
    if settings.declarations:
        try:
            read_declarations(settings.declarations)
            yield Check(feature="declarations", state="ok", message=f"{settings.declarations} can be read")
        except InvalidInput as error:
            yield Check(feature="declarations", state="missing", message=error.message, remedy=error.hint or "")


def _check_store(settings: Settings) -> Check:
    """Look whether the store answers as workers open it; a folder that is not there is not made."""
    place, folder = redact_url(settings.cache_store), folder_of(settings.cache_store)
    if folder is not None and not folder.is_dir():
        return Check(feature="cache", state="unknown", message=f"{place} is not there yet: the first result makes it")
    try:
        with closing(Store(settings).open()) as cache:
            cache.lookup(NAME)
    except CoulerError as error:
        return Check(feature="cache", state="missing", message=f"{place}: {error.message}", remedy=error.hint or "")
    return Check(feature="cache", state="ok", message=f"{place} answers")
