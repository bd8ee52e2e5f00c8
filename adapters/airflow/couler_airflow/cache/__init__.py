"""Caching of tasks by their workers: which tasks have keys, what keys cover, and what owners say."""
