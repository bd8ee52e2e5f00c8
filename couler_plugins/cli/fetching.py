"""Which engine `couler history` asks."""

from __future__ import annotations

from couler_plugins.cli.messages import log_retries
from couler_plugins.errors import InvalidInput, Unsupported
from couler_plugins.hookspecs.past_runs import Archive, Whence
from couler_plugins.plugins import Plugins

__all__ = ["archive_of"]


def archive_of(plugins: Plugins, engine: str | None, whence: Whence) -> Archive:
    """What fetches runs from an engine, or from the only one that lets them be fetched.

    Raises:
        InvalidInput: there is no such engine, or several could be meant.
        Unsupported: the engine's own tools write its history.
    """
    log_retries()
    names = list(plugins.adapters) if engine is None else [engine]
    found = {name: archive for name in names if (archive := plugins.adapter(name).archive(whence)) is not None}
    if len(found) == 1:
        return next(iter(found.values()))
    if engine is None:
        several = " or ".join(f"--engine {name}" for name in found)
        raise InvalidInput("nothing says which engine is meant", hint=f"give {several or '--engine'}")
    hint = "name what its own tools print with --history"
    raise Unsupported(f"runs of {engine} are not fetched", engine=engine, feature="history", hint=hint)
