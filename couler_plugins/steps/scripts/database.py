"""The database that scripts write to."""

import os
import sys

import sqlalchemy


def engine_of(url: str) -> sqlalchemy.Engine:
    """The engine for a URL, or for the variable that a Secret gives."""
    address = url or os.environ.get("DATABASE_URL", "")
    if not address:
        sys.exit("there is no database: give --url, or the variable DATABASE_URL from a Secret")
    return sqlalchemy.create_engine(address)
