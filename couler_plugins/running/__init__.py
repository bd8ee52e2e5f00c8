"""Runs of lowered documents: jobs submitted as soon as their needs are done, followed, and written into a journal."""

from couler_plugins.running.driver import Outcome, RunObserver, drive
from couler_plugins.running.journal import Head, Journal, new_run

__all__ = ["Head", "Journal", "Outcome", "RunObserver", "drive", "new_run"]
