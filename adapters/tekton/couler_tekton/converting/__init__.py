"""Runs and pipelines in terms that other engines understand: what is written for those is made from these."""
