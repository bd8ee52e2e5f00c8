"""Monitoring: metrics of past runs, caches and optimizers for Prometheus, and a dashboard that shows them."""
