"""Tuning tasks of KFP's pipelines."""
