"""Portable form of pipelines: the terms that other engines understand."""
