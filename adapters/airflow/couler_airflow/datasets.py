"""Datasets in tasks: local copies out of the store that Airflow's settings name."""

from __future__ import annotations

from pathlib import Path

from couler_airflow.settings import load_settings
from couler_plugins.caching.dataplane.copies import local_copy
from couler_plugins.caching.dataplane.datasets import Dataset
from couler_plugins.caching.reads.dispatch import unobserved
from couler_plugins.caching.row_keys import check_rows, declared_dataset
from couler_plugins.options.config import read_rows


def dataset(url: str, *, version: str = "", etag: str = "", sha256: str = "") -> Path:
    """Return a local, read-only copy of a file or folder, which is downloaded once for all that share the store.

    The version is in the key of the task that calls it: its code or its arguments say it. If neither does, the file of
    the setting `declarations` does, and all of that file counts as read.

    Args:
        url, version, etag, sha256: see `couler_plugins.dataset`.

    Raises:
        InvalidInput: no version is declared, or the URL or the settings are not understood.
        EngineError: it cannot be read, or is not what was declared.
    """
    with unobserved():
        settings = load_settings()
    wanted = None
    if not (version or etag or sha256) and settings.declarations:
        rows = read_rows(Path(settings.declarations)).get("cache", ())
        check_rows(rows)
        wanted = declared_dataset(rows, url)
    wanted = wanted or Dataset(url=url, version=version, etag=etag, sha256=sha256.lower())
    said = {name: str(getattr(settings, name)) for name in ("cache_store", "cache_index", "cache_namespace")}
    return local_copy(wanted, {f"COULER_{name.upper()}": text for name, text in said.items() if text})
