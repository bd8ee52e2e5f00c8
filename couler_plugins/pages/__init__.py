"""A page about workflows for the browser: before, after, and why."""

from __future__ import annotations

from couler_plugins.pages.page import page

__all__ = ["page"]
