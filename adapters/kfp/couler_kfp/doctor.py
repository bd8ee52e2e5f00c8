"""Whether KFP's API is reached."""

from __future__ import annotations

import os
from collections.abc import Iterator

from couler_kfp.run.client import ADDRESS, Calls
from couler_plugins.errors import CoulerError
from couler_plugins.hookspecs.checks import Check
from couler_plugins.net.redacting import redact_url


def local_checks() -> Iterator[Check]:
    """Look whether KFP's API answers where `KF_PIPELINES_ENDPOINT` says that it is."""
    if not (address := os.environ.get(ADDRESS)):
        message = f"{ADDRESS} names no address of KFP's API"
        yield Check(feature="reached", state="absent", message=message, remedy=f"export {ADDRESS}=http://HOST:PORT")
        return
    place = redact_url(address)
    try:
        Calls().find("")
        yield Check(feature="reached", state="ok", message=f"KFP's API answers at {place}")
    except CoulerError as error:
        yield Check(feature="reached", state="missing", message=f"{error.message} at {place}", remedy=error.hint or "")
