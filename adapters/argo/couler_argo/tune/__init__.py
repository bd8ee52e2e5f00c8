"""Tuning steps of Argo's workflows."""
