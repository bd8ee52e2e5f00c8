"""Measured claims: each module runs as `python -m benchmarks.NAME` and prints JSON."""
