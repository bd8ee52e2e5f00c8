"""Local engine: workflows whose steps are scripts, run in this process as their adapters say."""

from couler_plugins.running.local.runner import LocalRunner

__all__ = ["LocalRunner"]
