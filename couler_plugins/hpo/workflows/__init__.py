"""The optimizer `tune`: hyperparameter tuning inside of workflows."""
