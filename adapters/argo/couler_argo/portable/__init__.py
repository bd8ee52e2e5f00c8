"""Portable form: Argo's workflows in terms that other engines understand, and those of others in Argo's."""
