"""Splitting: workflows that are too big for their engine become parts that run as parallel as before."""
