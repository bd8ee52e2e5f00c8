"""Tuning inside of workflows: the optimizer `tune`."""
