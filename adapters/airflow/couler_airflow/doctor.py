"""What Airflow's features need of the machine that they run on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from couler_airflow.settings import load_settings
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.checks import Check

DATABASE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"


def local_checks() -> Iterator[Check]:
    """Look whether Airflow is set up here, whether its database answers, and whether anything is cached.

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
        yield Check(feature="reached", state="missing", message=message, remedy="airflow db check")
    try:
        settings = load_settings()
    except InvalidInput as error:
        yield Check(feature="cache", state="missing", message=str(error), remedy=error.hint or "")
        return
    if settings.enabled and settings.cache_store:
        yield Check(feature="cache", state="ok", message="a store is set")
    else:
        message = "no store is set, so nothing is cached" if settings.enabled else "couler is switched off"
        yield Check(feature="cache", state="absent", message=message, remedy="cache_store in [couler] of airflow.cfg")
