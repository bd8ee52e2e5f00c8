"""Hyperparameter tuning: cards, search spaces, studies and tuners."""
