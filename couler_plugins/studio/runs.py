"""Runs that are submitted from the page."""

from __future__ import annotations

from starlette.routing import BaseRoute

from couler_plugins.studio.studio import Studio


def run_routes(studio: Studio) -> list[BaseRoute]:
    """Return the routes of runs."""
    return []
