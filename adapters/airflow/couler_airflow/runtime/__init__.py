"""The cache around a task while it runs."""
