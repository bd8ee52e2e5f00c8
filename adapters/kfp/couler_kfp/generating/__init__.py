"""Workflows of other engines as pipelines: what is written anew for KFP is made from these."""
