"""Page about workflows for the browser: before, after, and why."""

from __future__ import annotations

from couler_plugins.viz.page.page import page

__all__ = ["page"]
