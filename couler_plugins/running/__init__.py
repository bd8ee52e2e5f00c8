"""Runs what was lowered: submits jobs as soon as what they need is done, follows them, and writes a journal of it."""

from __future__ import annotations

from couler_plugins.running.driver import Outcome, RunObserver, drive
from couler_plugins.running.identity import new_run
from couler_plugins.running.journal import Head, Journal

__all__ = ["Head", "Journal", "Outcome", "RunObserver", "drive", "new_run"]
