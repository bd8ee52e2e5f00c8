"""Lint of documents: what Tekton would refuse, and what fails when it runs."""
