"""Caching inside of a Task: a first step looks its result up, the last one keeps it."""
