"""Tuning: cards, search spaces, studies, and what proposes hyperparameters."""
