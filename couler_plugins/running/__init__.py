"""Runs what was lowered: submits jobs as soon as what they need is done, follows them, and writes a journal of it."""

from __future__ import annotations

from couler_plugins.running.driver import Followed, Outcome, drive
from couler_plugins.running.identity import new_run
from couler_plugins.running.journal import Head, Journal

__all__ = ["Followed", "Head", "Journal", "Outcome", "drive", "new_run"]
