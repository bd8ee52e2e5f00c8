"""Runs of KFP are resumed by its cache: it keeps the results of each task that has succeeded, also in a failed run."""

from __future__ import annotations

from couler_plugins.errors import Unsupported
from couler_plugins.hookspecs.resuming import PastRun, RunSource


def resume(source: RunSource) -> PastRun | None:
    """Say how KFP does it, on a backend and here.

    Raises:
        Unsupported: always.
    """
    hint = (
        "start the pipeline again with caching on; of a local run, take what is done over with "
        "`couler_kfp.known_runs` and `couler optimize -p cache{known=FILE}`"
    )
    raise Unsupported("the backend of KFP resumes runs by its cache", engine="kfp", feature="resume", hint=hint)
