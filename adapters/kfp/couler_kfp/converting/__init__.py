"""Pipelines in terms that other engines understand: what is written for Argo is made from these."""
