"""Runs of workflows before and after a change: what has changed in them, and what else may have."""
