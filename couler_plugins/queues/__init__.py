"""Queues: labels for Kueue, and its objects from a table of clusters, users and quotas."""
