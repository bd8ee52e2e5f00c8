"""Kubernetes clusters, for any engine that runs there: access, requests, submission and watching."""
