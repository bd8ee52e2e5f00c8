"""The plugins of couler that are installed beside Airflow."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from couler_plugins.plugins import Plugins

__all__ = ["installed_plugins"]


@functools.cache
def installed_plugins() -> Plugins:
    """The plugins of this process: DAG files are parsed again and again, and the settings do not change meanwhile."""
    from couler_plugins.plugins import load_plugins

    return load_plugins()
