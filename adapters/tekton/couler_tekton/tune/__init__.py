"""Tuning tasks of Tekton's pipelines."""
