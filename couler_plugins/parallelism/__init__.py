"""Workflows that are too big for their engine, cut into parts that run as parallel as before."""
