"""Page about workflows for the browser: before, after, and why."""

from couler_plugins.viz.page.page import page

__all__ = ["page"]
