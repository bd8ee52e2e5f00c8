"""Lint of manifests: what Argo or the API server would refuse, and what runs otherwise than its author expects."""
