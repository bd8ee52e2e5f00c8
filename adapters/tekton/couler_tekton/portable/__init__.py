"""Portable form of runs and pipelines: the terms that other engines understand."""
