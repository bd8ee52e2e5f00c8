"""Semantics of Argo's workflows, for running them without a cluster."""
