"""The plugins of couler that are installed beside Airflow."""

from __future__ import annotations

import functools

from couler_plugins.plugins import Plugins, load_plugins


@functools.cache
def installed_plugins() -> Plugins:
    """The plugins of this process: DAG files are parsed again and again, and the settings do not change meanwhile."""
    return load_plugins()
