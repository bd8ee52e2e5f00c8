"""Cache around a task while it runs."""
